"""Finding a net's layers by what they do, for techniques that replace or shrink them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from compbench.errors import JobFailed, nearest

if TYPE_CHECKING:
    from torch import Tensor, nn

    from compbench.contracts import Trainer

_PARAMETRIZED = ".parametrizations"
_ELEMENT_WISE = {"Add", "Sub", "Rsub", "Mul", "Div", "Where", "Lerp", "Addcmul", "Addcdiv"}


def output_layers(
    model: nn.Module, example: tuple[Tensor, ...], of: nn.Module | None = None
) -> dict[str, nn.Module]:
    """The modules whose weights give the logits, by path; compression leaves them as they are.

    From the outputs for `example`, the net's arguments, back through autograd's graph: the first
    layer on each way to the inputs, wherever it is defined and however its weight is used. With
    `of` a module of the net: those that give its input. Raises JobFailed where there is none.
    """
    import torch

    inputs = [_leaf(tensor) for tensor in example]
    ends, sources, handles = [], [], []

    def saw(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        """Remember where the search starts, and where inputs become something differentiable."""
        if module is (of or model):
            seen = _tensors(inputs) if of else _tensors(output)
            ends.extend(t.grad_fn for t in seen if t.grad_fn is not None)
        if not any(t.requires_grad for t in _tensors(inputs)):  # an embedding, say
            sources.extend(t.grad_fn for t in _tensors(output) if t.grad_fn is not None)

    watched = [m for m in model.modules() if m in (of, model) or not next(m.children(), None)]
    with all_trainable(model), torch.enable_grad():
        handles = [module.register_forward_hook(saw) for module in watched]
        try:
            model(*[tensor.clone() for tensor in inputs])
        finally:
            for handle in handles:
                handle.remove()
        found = _nearest_weights(ends, inputs, sources)
    owners = {
        name.rpartition(".")[0].partition(_PARAMETRIZED)[0]
        for name, parameter in model.named_parameters(remove_duplicate=False)
        if id(parameter) in found
    }
    if not owners:
        raise JobFailed("the net has no layer with weights that could give its logits")
    return {path: model.get_submodule(path) for path in sorted(owners)}


def _leaf(tensor: Tensor) -> Tensor:
    """A copy whose way can be followed, as far as it holds numbers with gradients."""
    copied = tensor.detach().clone()
    return copied.requires_grad_() if copied.is_floating_point() else copied


def _tensors(values: Any) -> list[Tensor]:
    """The tensors in what a module takes or gives."""
    import torch

    if isinstance(values, torch.Tensor):
        return [values]
    return [t for v in values for t in _tensors(v)] if isinstance(values, tuple | list) else []


@contextmanager
def all_trainable(model: nn.Module) -> Iterator[None]:
    """Frozen parameters are no part of autograd's graph: thaw them for a while."""
    frozen = [p for p in model.parameters() if not p.requires_grad and p.is_floating_point()]
    for parameter in frozen:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)


def _nearest_weights(ends: list[Any], inputs: list[Tensor], sources: list[Any]) -> set[int]:
    """The ids of the parameters with two or more axes that meet the inputs, or sources, last."""
    users: dict[Any, list[Any]] = {end: [] for end in ends}
    for node in (queue := list(users)):  # the queue grows while it is read
        for before in _inputs(node):
            if before not in users:
                queue.append(before)
            users.setdefault(before, []).append(node)
    from_images = {
        node for node in users if any(getattr(node, "variable", None) is x for x in inputs)
    }
    from_images.update(node for node in sources if node in users)
    for node in (queue := list(from_images)):
        new = [user for user in users[node] if user not in from_images]
        from_images.update(new)
        queue += new
    found: set[int] = set()
    seen = {end for end in ends if end in from_images}
    for node in (queue := list(seen)):
        weights = _weights(before for before in _inputs(node) if before not in from_images)
        found |= weights
        if weights and node.name().partition("Backward")[0] not in _ELEMENT_WISE:
            continue
        new = [n for n in dict.fromkeys(_inputs(node)) if n in from_images and n not in seen]
        seen.update(new)
        queue += new
    return found


def _inputs(node: Any) -> list[Any]:
    return [before for before, _ in node.next_functions if before is not None]


def _weights(nodes: Iterable[Any]) -> set[int]:
    """The ids of the parameters with two or more axes that autograd's nodes depend on."""
    queue = list(nodes)
    seen, found = set(queue), set()
    for node in queue:
        variable = getattr(node, "variable", None)
        if variable is not None and variable.ndim > 1:
            found.add(id(variable))
        new = [before for before in dict.fromkeys(_inputs(node)) if before not in seen]
        seen.update(new)
        queue += new
    return found


def weighty(model: nn.Module) -> dict[str, nn.Module]:
    """The modules that hold weights of two or more axes, by path: what a compression is about."""
    from torch.nn.utils import parametrize

    found = {}
    for path, module in model.named_modules():
        inside = _PARAMETRIZED.strip(".") in path.split(".")
        own = any(p.ndim > 1 for p in module.parameters(recurse=False))
        if not inside and (own or parametrize.is_parametrized(module)):
            found[path] = module
    return found


def tied(model: nn.Module) -> set[str]:
    """The paths of modules that share a parameter with another place of the net."""
    places: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        places.setdefault(id(parameter), []).append(name.rpartition(".")[0])
    return {path for paths in places.values() if len(paths) > 1 for path in paths}


def replaceable(
    model: nn.Module, paths: Iterable[str], example: tuple[Tensor, ...]
) -> tuple[str, ...]:
    """The layers, by path, in whose place another module can stand: the net still runs.

    Some modules use a layer's weight without calling it, as torch's attention does.
    """
    paths = tuple(paths)
    if _runs_without(model, paths, example):  # nearly always, and once is cheaper than for each
        return paths
    return tuple(path for path in paths if _runs_without(model, [path], example))


def _runs_without(model: nn.Module, paths: Iterable[str], example: tuple[Tensor, ...]) -> bool:
    """Whether the net runs, with and without gradients, when layers are inside other modules."""
    import torch
    from torch import nn

    layers = {path: model.get_submodule(path) for path in paths}
    before = [
        undo
        for path, layer in layers.items()
        for undo in replace(model, path, nn.Sequential(layer))
    ]
    try:
        for with_gradients in (False, True):
            with torch.set_grad_enabled(with_gradients):
                model(*example)
    except Exception:  # whatever the net's own code does without the layer it expects
        return False
    finally:
        for path, layer in layers.items():
            model.set_submodule(path, layer)
        for module, name, value in reversed(before):
            setattr(module, name, value)
    return True


def replace(model: nn.Module, path: str, new: nn.Module) -> list[tuple[nn.Module, str, Any]]:
    """Put another module in a layer's place; what it set in the modules around it, as it was.

    torch's encoder layers have a fast path for evaluation that reads the weights of the linear
    layers in them. It is off where a plain attribute says so, which checkpoints keep.
    """
    from torch import nn

    changed: list[tuple[nn.Module, str, Any]] = []
    model.set_submodule(path, new)
    parts = path.split(".")
    for around in (model.get_submodule(".".join(parts[:n])) for n in range(len(parts))):
        for kind, name, off in (
            (nn.TransformerEncoderLayer, "activation_relu_or_gelu", 0),
            (nn.TransformerEncoder, "use_nested_tensor", False),
        ):
            if isinstance(around, kind) and getattr(around, name):
                changed.append((around, name, getattr(around, name)))
                setattr(around, name, off)
    return changed


def refusal(model: nn.Module, example: tuple[Tensor, ...]) -> tuple[str, str] | None:
    """Where a net does not run on such inputs: the path of the layer, and what it says."""
    import torch

    from compbench.errors import first_line

    running: list[str] = []
    handles = []
    for path, module in model.named_modules():
        handles.append(module.register_forward_pre_hook(lambda *_, p=path: running.append(p)))
        handles.append(module.register_forward_hook(lambda *_: running.pop() and None))
    try:
        with torch.no_grad():
            model(*example)
    except Exception as error:  # the net's own
        return running[-1] if running else "", first_line(error)
    finally:
        for handle in handles:
            handle.remove()
    return None


def left(reasons: Mapping[str, str]) -> str:
    """A technique's note on the layers that it left as they were, each with the reason."""
    return f"layers left as they are: {_named(reasons)}"


def _named(reasons: Mapping[str, str]) -> str:
    return ", ".join(f"{path or 'the net itself'} ({why})" for path, why in reasons.items())


def say_what_was_left(
    fit: Trainer, done: str, count: int, reasons: Mapping[str, str], asked: bool = True
) -> None:
    """Note the layers that a technique left as they were; `done` is what it did to `count` others.

    Where it changed none the note says that nothing was "pruned", say; but raises JobFailed where
    it was `asked` to: a variant would look fine that is its parent.
    """
    if count:
        if reasons:
            fit.note(left(reasons))
        return
    said = f"nothing was {done}: {_named(reasons) or 'the net has no weights of two or more axes'}"
    if asked:
        raise JobFailed(said)
    fit.note(said)


def prunable(
    model: nn.Module, keep: Iterable[str] = (), embeddings: bool = True
) -> dict[str, nn.Parameter]:
    """The weights of two or more axes that layers of torch multiply with, but for `keep`.

    Those of linear, bilinear, convolutional (also transposed), recurrent and attention layers; and
    the rows of `embeddings`, where they are asked for. By the layer's path where its weight is
    called "weight", else by the weight's name. A weight that several layers share is there once,
    under the first of them, and stays as it is where `keep` names one of them; see `chosen`.
    """
    found = {
        path if name == "weight" else _join(path, name): layer.get_parameter(name)
        for path, layer in model.named_modules()
        for name in _multiplying(layer, embeddings)
    }
    known = {*found, *prunable(model), *weighty(model)} if keep else ()
    named = {one for name in keep for one in chosen(name, known, "keep")}
    taken = {id(found[name]) for name in named if name in found}
    weights: dict[str, nn.Parameter] = {}
    for name, weight in found.items():
        if id(weight) not in taken:
            weights[name] = weight
            taken.add(id(weight))
    return weights


def _multiplying(layer: nn.Module, embeddings: bool) -> list[str]:
    """The names of a layer's own weights that `prunable` is about."""
    from torch import nn
    from torch.nn.modules.conv import _ConvNd

    plain = (nn.Linear, nn.Bilinear, _ConvNd, *((nn.Embedding, nn.EmbeddingBag) * embeddings))
    names: Iterable[str] = ()
    if isinstance(layer, plain):
        names = ("weight",)
    elif isinstance(layer, nn.MultiheadAttention):
        names = (f"{part}_proj_weight" for part in ("in", "q", "k", "v"))
    elif isinstance(layer, nn.RNNBase | nn.RNNCellBase):
        names = (name for name in layer._parameters if name.startswith("weight_"))
    return [name for name in names if isinstance(layer._parameters.get(name), nn.Parameter)]


def chosen(name: str, known: Iterable[str], option: str) -> list[str]:
    """The layers or weights that an option means by a name: that one, or all within that block.

    Raises JobFailed where there is none.
    """
    found = [one for one in known if one == name or one.startswith(f"{name}.")]
    if not found:
        raise JobFailed(f"{option}: there is no layer '{name}'{nearest(name, known)}")
    return found


def places(model: nn.Module, parameter: nn.Parameter) -> list[tuple[nn.Module, str]]:
    """The modules that hold a parameter, and its name in each; more than one where it is tied."""
    return [
        (module, name)
        for module in model.modules()
        for name, own in module.named_parameters(recurse=False, remove_duplicate=False)
        if own is parameter
    ]


def unprunable(model: nn.Module, weights: Mapping[str, nn.Parameter]) -> dict[str, str]:
    """The weights of two or more axes that are not among these: name -> the kind of layer."""
    from torch import nn
    from torch.nn.utils import parametrize

    taken = {id(weight) for weight in weights.values()}
    others: dict[str, str] = {}
    for path, module in weighty(model).items():
        if parametrize.is_parametrized(module):
            others[path] = type(module).__name__
            continue
        for name, own in module.named_parameters(recurse=False):
            if own.ndim > 1 and id(own) not in taken:
                kind = type(module).__name__
                if isinstance(module, nn.Embedding | nn.EmbeddingBag):
                    kind += ", which embeddings = true takes too"
                others[path if name == "weight" else _join(path, name)] = kind
    return others


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
