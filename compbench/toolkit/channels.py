"""The channels of a net that can only go together, and their removal (torch-pruning).

A convolution's channels are also its batch norm's, its consumer's inputs and, over a residual
connection, another convolution's: such a group loses the same channels in all of its layers. What
torch-pruning finds is tried before anything is trained (`compbench.toolkit.channel_trial`).
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from compbench.errors import JobFailed, first_line
from compbench.toolkit.layers import all_trainable, output_layers, tied, weighty

if TYPE_CHECKING:
    from torch import Tensor, nn

    Example = tuple[Tensor, ...]


@dataclass(frozen=True)
class Part:
    """What a layer or parameter loses with a group: `count` `of` its channels, were all to go.

    They are those it gives, those it takes, or (a norm, a depthwise convolution) both in one.
    """

    path: str
    gives: bool
    takes: bool
    count: int
    of: int


@dataclass(frozen=True)
class Group:
    """Channels that can only go together.

    `parts` are the layers and parameters that lose something when they go, the one they are counted
    in first. Of `blocks` equal blocks (a grouped convolution's or a group norm's) each loses as
    many. `reason` says why they stay, if they must.
    """

    parts: tuple[Part, ...]
    count: int
    blocks: int
    reason: str = ""

    @property
    def owners(self) -> tuple[str, ...]:
        """The layers and parameters whose own channels they are, by path."""
        return tuple(dict.fromkeys(part.path for part in self.parts if part.gives))

    @property
    def readers(self) -> tuple[str, ...]:
        """The others, which take them."""
        return tuple(dict.fromkeys(p.path for p in self.parts if p.path not in self.owners))

    def left(self, ratio: float, round_to: int) -> int:
        """How many channels are left without the share `ratio`: in blocks of equal size, a
        multiple of `round_to`, and never fewer than one such multiple."""
        kept = self.count // self.blocks * (1 - ratio)
        left = int(kept + 1e-9) * self.blocks  # 80 · (1 - 0.8) is a bit less than 16
        unit = self.unit(round_to)
        return self.count if left == self.count else min(self.count, max(left - left % unit, unit))

    def unit(self, round_to: int) -> int:
        """The fewest channels that go together, where those left are a multiple of `round_to`."""
        return math.lcm(self.blocks, round_to)

    def why_whole(self, round_to: int) -> str:
        """Why all its channels stay, though they might go."""
        if self.reason:
            return self.reason
        parts = f" in {self.blocks} equal parts" if self.blocks > 1 else ""
        rounded = f" and round_to = {round_to}" if round_to > 1 else ""
        return f"{self.count} channels{parts}{rounded}: no fewer are possible"


def groups(model: nn.Module, example: Example) -> list[Group]:
    """All groups of channels, in an order that is the same for every copy of the net.

    Those stay that are outputs, or of layers that can't be pruned; `reason` names the layer. Raises
    JobFailed where the net can't be followed at all.
    """
    model = copy.deepcopy(model)  # some nets keep what they last computed
    names = _names(model)
    last = output_layers(model, example)
    heads = {*last, *(f"{p}.{n}".lstrip(".") for p, m in last.items() for n in m._parameters)}
    odd = _oddities(model)
    graph = followed(model, example)
    found = []
    for group in every(graph):
        parts = []
        reason = ""
        blocks = 1
        for dependency, indices in group:
            node = dependency.target
            path = names.get(id(node.module))
            if path is None:
                if node.type == graph.ops.OPTYPE.OUTPUT:
                    reason = reason or "they reach the net's outputs"
                continue
            owns = graph.is_out_channel_pruning_fn(dependency.handler)
            takes = graph.is_in_channel_pruning_fn(dependency.handler)
            size = graph.get_out_channels if owns else graph.get_in_channels
            parts.append(Part(path, owns, takes, len(indices), size(node) or len(indices)))
            if owns and path in heads:
                reason = reason or "they are the net's outputs"
            elif path in odd:
                reason = reason or f"they are also of '{path}' ({odd[path]})"
            blocks = math.lcm(blocks, _blocks(graph, node.module, owns))
        count = graph.get_out_channels(group[0].dep.target.module)
        found.append(Group((*parts,), count, blocks, reason))
    return found


def going(found: Sequence[Group], ratio: float, round_to: int) -> dict[int, int]:
    """How many channels are left of each group that loses some, by the group's number."""
    left = {n: g.left(ratio, round_to) for n, g in enumerate(found) if not g.reason}
    return {n: count for n, count in left.items() if count < found[n].count}


def given_back(
    found: Sequence[Group],
    left: Mapping[int, int],
    round_to: int,
    fits: Callable[[Mapping[int, int]], bool],
    tries: int,
) -> dict[int, int]:
    """How many channels are left once groups have units of channels back, for as long as it `fits`.

    Each time the group that has lost the largest share of its channels gets one, of equals the
    first; one for which that does not fit, or that would be whole again, gets no more. `fits` is
    asked so many times at most.
    """
    left, open_groups = dict(left), sorted(left)
    while open_groups and tries:
        number = min(open_groups, key=lambda n: Fraction(left[n], found[n].count))
        more = left[number] + found[number].unit(round_to)
        if more < found[number].count:
            tries -= 1
            if fits({**left, number: more}):
                left[number] = more
                continue
        open_groups.remove(number)
    return left


def remove(
    model: nn.Module,
    example: Example,
    found: Sequence[Group],
    left: Mapping[int, int],
    score: Callable[[int, Any], Tensor],
) -> None:
    """Take channels out of the net, in place, until groups have those `left`, by their numbers.

    `score` gives for a group's number and torch-pruning's group the importance of each channel;
    the least important go, in each block as many.
    """
    import torch

    graph = followed(model, example)
    for root, handler, gone in choice(graph, found, left, score):
        with quiet():
            group = graph.get_pruning_group(root, handler, gone)
            if not graph.check_pruning_group(group):
                name = _names(model).get(id(root), "")
                raise JobFailed(f"layer '{name}' would lose channels that another needs all of")
            group.prune()
    with torch.no_grad():
        model(*example)  # some nets keep what they last computed: it would have gradients


def choice(
    graph: Any,
    found: Sequence[Group],
    left: Mapping[int, int],
    score: Callable[[int, Any], Tensor],
) -> list[tuple[Any, Any, list[int]]]:
    """Which channels go: a layer that makes them, torch-pruning's function, their indices."""
    chosen = []
    for number, group in enumerate(every(graph)):
        if number in left:
            blocks = found[number].blocks
            parts = score(number, group).cpu().view(blocks, -1)
            size = parts.shape[1]
            order = parts.mean(0).argsort(stable=True)[: size - left[number] // blocks].tolist()
            gone = sorted(block * size + i for block in range(blocks) for i in order)
            chosen.append((group[0].dep.target.module, group[0].dep.handler, gone))
    return chosen


def reasons(
    model: nn.Module, found: Sequence[Group], left: Mapping[int, int], round_to: int
) -> dict[str, str]:
    """Why layers and parameters keep all their channels, by path."""
    why = {
        path: group.why_whole(round_to)
        for number, group in enumerate(found)
        if number not in left
        for path in group.owners
    }
    return why | {path: reason for path, reason in _oddities(model).items() if path}


def followed(model: nn.Module, example: Example) -> Any:
    """Torch-pruning's graph of a net. Raises JobFailed where it can't be followed."""
    import torch
    import torch_pruning

    graph = torch_pruning.DependencyGraph()
    with quiet(), all_trainable(model), torch.enable_grad():
        try:
            graph.build_dependency(
                model,
                example_inputs=example,
                forward_fn=lambda net, inputs: net(*inputs),
                verbose=False,
            )
        except MemoryError:
            raise
        except Exception as error:  # the library's own, of many kinds
            where = _where(error, model)
            odd = ", ".join(f"'{path}' ({why})" for path, why in _oddities(model).items())
            odd = f"; layers out of the ordinary: {odd}" if odd and not where else ""
            raise JobFailed(
                f"its channels can't be followed{where}: {first_line(error)}{odd}"
            ) from error
    return graph


def every(graph: Any) -> list[Any]:
    """Each group of channels with all of them, by the layers that make channels."""
    ops = graph.ops
    kinds = [ops.TORCH_CONV, ops.TORCH_LINEAR, ops.TORCH_EMBED]
    with quiet():
        return list(graph.get_all_groups(root_module_types=kinds))


@contextmanager
def quiet() -> Iterator[None]:
    """Without torch-pruning's warnings: what they are about is tried, and said."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="torch_pruning")
        yield


def _names(model: nn.Module) -> dict[int, str]:
    """The paths of modules and the names of parameters, by id."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return names | {id(module): path for path, module in model.named_modules()}


def _blocks(graph: Any, module: Any, owns: bool) -> int:
    """Equal parts into which a layer divides channels: each must lose as many."""
    if isinstance(module, graph.ops.TORCH_CONV) and module.groups == module.out_channels:
        return 1  # depthwise: a channel is a group
    pruner = graph.get_pruner_of_module(module)
    return pruner.get_out_channel_groups(module) if owns else pruner.get_in_channel_groups(module)


def _where(error: BaseException, model: nn.Module) -> str:
    """The layer after which torch-pruning failed, where its traceback knows."""
    names, found = _names(model), None
    trace = error.__traceback__
    while trace is not None:
        node = trace.tb_frame.f_locals.get("node")
        found, trace = node if hasattr(node, "inputs") else found, trace.tb_next
    queue = [found] if found is not None else []
    for node in queue:  # back to the first that is a layer of the net
        path = names.get(id(node.module))
        if path:
            return f" after layer '{path}'"
        queue += [before for before in node.inputs if before not in queue]
    return ""


def _oddities(model: nn.Module) -> Mapping[str, str]:
    """The layers that torch-pruning is known not to prune right, by path, with the reason."""
    weights, shared = weighty(model), tied(model)
    found = {}
    for path, layer in model.named_modules():
        reason = _oddity(layer, path in weights)
        if path in shared:
            reason = "its weight is another's too"
        if reason:
            found[path] = reason
            inside = [name for name, _ in layer.named_modules() if name and path]
            found |= {f"{path}.{name}": f"inside '{path}', {reason}" for name in inside}
    return found


def _oddity(layer: nn.Module, holds_weights: bool) -> str | None:
    """Why torch-pruning can't prune a layer right; None where it can, or it must be tried."""
    from torch import nn
    from torch.nn.modules import batchnorm, conv, instancenorm

    if not holds_weights and next(layer.parameters(recurse=False), None) is None:
        return None
    kinds = (
        *(nn.Linear, conv._ConvNd, nn.PReLU, nn.LayerNorm, nn.GroupNorm, nn.Embedding),
        *(batchnorm._BatchNorm, instancenorm._InstanceNorm),
    )
    if not isinstance(layer, kinds):
        bases = (c for c in type(layer).__mro__ if c.__module__.startswith("torch.nn."))
        base = next(bases, nn.Module)
        return None if base in (nn.Module, nn.Sequential) else type(layer).__name__
    if "weight" not in layer._parameters:
        return type(layer).__name__  # it is made of other tensors
    if isinstance(layer, nn.LayerNorm) and len(layer.normalized_shape) > 1:
        return f"LayerNorm of {len(layer.normalized_shape)} axes"
    if isinstance(layer, conv._ConvNd) and layer.groups > 1:
        is_depthwise = layer.groups in (layer.in_channels, layer.out_channels)
        multiplies = is_depthwise and layer.out_channels != layer.in_channels
        if multiplies or isinstance(layer, conv._ConvTransposeNd):
            return f"{type(layer).__name__} of {layer.groups} groups"
    return None
