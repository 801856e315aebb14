"""Structured pruning: whole channels are removed, so that the file is smaller and faster."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from compbench.contracts import FineTuning, NullCase, TorchTechnique, Trainer, TrainingData
from compbench.errors import JobFailed, first_line
from compbench.toolkit.layers import left, output_layers, refusal, tied, weighty
from compbench.toolkit.masks import keeping_zeros
from compbench.training.losses import taught

if TYPE_CHECKING:
    from torch import Tensor, nn

_TAYLOR_SAMPLES = 1024
_SEARCH_STEPS = 12  # halvings of the channel ratio: channels are far fewer than 2 ** 12


class Technique(FineTuning, TorchTechnique):
    """Remove the least important channels from every layer but the last; fine-tune.

    The same share is removed from each layer. A channel's importance is the mean, over all weight
    tensors that go with it (its dependency group, also through residual connections; biases don't
    count), of a sum over the part w of each that is this channel's. `l1`: Σ|w| (Li et al.,
    arXiv:1608.08710, who take the layer's own weights alone); `l2`: Σw², which ranks as the norm of
    the whole group; `taylor`: Σ|w · ∂loss/∂w| on the first 1,024 training images, of layers that
    multiply and LayerNorm, no batch norm (after Molchanov et al., arXiv:1906.10771, who square the
    sum, with its signs); `batch_norm`: the scale |γ| (Liu et al., arXiv:1708.06519), a layer that
    has none stays whole; `random`: the control that says what choosing is worth. Groups: Fang et
    al., "DepGraph", arXiv:2301.12900 (torch-pruning). With `soft_weight` above 0 the fine-tuning
    also learns from the unpruned parent.
    """

    family: ClassVar[str] = "pruned"
    libraries: ClassVar[tuple[str, ...]] = ("torch-pruning",)
    undoes: ClassVar[tuple[str, ...]] = ("shared weights",)
    null_case: ClassVar[NullCase] = NullCase({"ratio": 0.0, "epochs": 0})

    ratio: float = Field(default=0.5, ge=0, lt=1, description="share to remove (0 to 1)")
    of: Literal["channels", "macs", "parameters"] = Field(
        default="channels",
        description="what the ratio is a share of: each layer's channels, or the whole net's "
        "multiply-accumulates or parameters, of which at least that share is removed",
    )
    importance: Literal["l1", "l2", "taylor", "batch_norm", "random"] = Field(
        default="l2",
        description="which channels go first, by a mean over the weight tensors of a group: of "
        "Σ|w|, Σw², Σ|w · gradient|, the batch norm's |scale|, or by chance",
    )
    steps: int = Field(
        default=1, ge=1, description="rounds of pruning, each with `epochs` of fine-tuning"
    )
    round_to: int = Field(
        default=8, ge=1, description="channels left are a multiple of this: kernels work on blocks"
    )

    def build(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> nn.Module:
        """The smaller module, fine-tuned: images (N, C, H, W) -> logits (N, K)."""
        model = copy.deepcopy(parents[0]).eval()
        example = fit.example(model)
        rigid = self._rigid(model, example)
        ratio = self._channel_ratio(model, example, rigid)
        pruner = self._pruner(model, example, rigid, ratio, self.importance, self.steps)
        loss = taught(parents[0], self, data, fit)
        for _ in range(self.steps):
            if self.importance == "taylor":
                _add_gradients(model, data, fit)
            with _quiet():
                pruner.step()
            model.zero_grad()
            fit(model.requires_grad_(True), self, loss, keeping_zeros(model))
        self._note(parents[0], model, example, rigid, fit)
        return model

    def _rigid(self, model: nn.Module, example: tuple[Tensor, ...]) -> dict[str, str]:
        """The layers whose channels must stay, by path, with the reason.

        They are of a kind that can't be pruned, or share weights; or the net, pruned on trial, did
        not run because of them. Raises JobFailed, naming the layer, where it never runs.
        """
        weights = weighty(model)
        shared = tied(model)
        rigid: dict[str, str] = {}
        for path, layer in model.named_modules():
            reason = _oddity(layer, path in weights)
            if path in shared:
                reason = "its weight is another's too"
            if reason:
                rigid[path] = reason
        while True:
            trial = copy.deepcopy(model)
            try:
                with _quiet():
                    self._pruner(trial, example, rigid, self.ratio, "l2", 1).step()
            except (JobFailed, MemoryError):
                raise
            except Exception as error:  # the pruner's own, of many kinds
                names = ", ".join(f"'{path}' ({why})" for path, why in rigid.items())
                odd = f"; layers out of the ordinary: {names}" if rigid else ""
                raise JobFailed(
                    f"its channels can't be followed: {first_line(error)}{odd}"
                ) from error
            refused = refusal(trial, example)
            if refused is None:
                return rigid
            path, why = refused
            layer = model.get_submodule(path)
            guilty = [path] if path in weighty(model) else output_layers(model, example, layer)
            new = dict.fromkeys(guilty, f"with fewer channels '{path}' does not run: {why}")
            if not new.keys() - rigid:
                raise JobFailed(f"with fewer channels, layer '{path}' does not run: {why}")
            rigid = new | rigid

    def _note(
        self,
        parent: nn.Module,
        model: nn.Module,
        example: tuple[Tensor, ...],
        rigid: Mapping[str, str],
        fit: Trainer,
    ) -> None:
        """Say which layers have all their weights still, but for those that give the logits."""
        if self.ratio == 0:
            return
        last = output_layers(parent, example)
        now = dict(model.named_modules())
        same = {
            path: rigid.get(path, "all its channels stay")
            for path, layer in weighty(parent).items()
            if path not in last and path in now and _shapes(layer) == _shapes(now[path])
        }
        if same:
            fit.note(left(same))

    def _pruner(
        self,
        model: nn.Module,
        example: tuple[Tensor, ...],
        rigid: Iterable[str],
        ratio: float,
        importance: str,
        steps: int,
    ) -> Any:
        import torch_pruning

        fixed = [*output_layers(model, example).values(), *map(model.get_submodule, rigid)]
        ignored = [part for layer in fixed for part in _ignorable(layer)]
        settings: Any = {
            "importance": _importance(model, importance),
            "pruning_ratio": ratio,
            "round_to": self.round_to,
            "iterative_steps": steps,
        }
        inputs: Any = example  # the library's type says one tensor; it takes several
        odd = {
            id(part)
            for layer in map(model.get_submodule, rigid)
            for part in (*layer.modules(), *layer.parameters())
        }
        with _quiet():
            make = torch_pruning.pruner.BasePruner
            pruner = make(model, inputs, ignored_layers=ignored, **settings)
            ignored += _feeding(pruner.DG, odd) if odd else []
            return make(model, inputs, ignored_layers=ignored, **settings) if odd else pruner

    def _channel_ratio(
        self, model: nn.Module, example: tuple[Tensor, ...], rigid: Iterable[str]
    ) -> float:
        """The smallest share of channels whose removal reaches the target, by halving."""
        if self.of == "channels" or self.ratio == 0:
            return self.ratio
        before = self._cost(model, example)
        few, many = 0.0, 1 - 2**-_SEARCH_STEPS
        for _ in range(_SEARCH_STEPS):
            middle = (few + many) / 2
            removed = 1 - self._cost_at(model, example, rigid, middle) / before
            few, many = (few, middle) if removed >= self.ratio else (middle, many)
        most = 1 - self._cost_at(model, example, rigid, many) / before
        if most < self.ratio:
            raise JobFailed(
                f"ratio = {self.ratio} of {self.of}: at most {most:.0%} can go, for each layer "
                f"keeps at least {self.round_to} channels (round_to)"
            )
        return many

    def _cost_at(
        self, model: nn.Module, example: tuple[Tensor, ...], rigid: Iterable[str], ratio: float
    ) -> int:
        trial = copy.deepcopy(model)
        # how many go is the same by all criteria, but that `batch_norm` leaves layers without one
        by = "batch_norm" if self.importance == "batch_norm" else "l2"
        self._pruner(trial, example, rigid, ratio, by, 1).step()
        return self._cost(trial, example)

    def _cost(self, model: nn.Module, example: tuple[Tensor, ...]) -> int:
        import torch_pruning

        if self.of == "parameters":
            return sum(p.numel() for p in model.parameters())
        return int(torch_pruning.utils.count_ops_and_params(model, example[:1])[0])


def _oddity(layer: nn.Module, holds_weights: bool) -> str | None:
    """Why torch-pruning can't prune a layer right; None where it can, or there is nothing to."""
    from torch import nn
    from torch.nn.modules import batchnorm, conv, instancenorm

    if not holds_weights and next(layer.parameters(recurse=False), None) is None:
        return None
    kinds = (
        *(nn.Linear, conv._ConvNd, nn.PReLU, nn.LayerNorm, nn.GroupNorm),
        *(batchnorm._BatchNorm, instancenorm._InstanceNorm),
    )
    own = type(layer).__module__.startswith("torch.nn.modules.")
    if not own or not isinstance(layer, kinds) or "weight" not in layer._parameters:
        return type(layer).__name__
    if isinstance(layer, nn.LayerNorm) and len(layer.normalized_shape) > 1:
        return f"LayerNorm of {len(layer.normalized_shape)} axes"
    if isinstance(layer, conv._ConvNd) and layer.groups > 1:
        is_depthwise = layer.groups == layer.in_channels
        multiplies = is_depthwise and layer.out_channels != layer.in_channels
        if multiplies or isinstance(layer, conv._ConvTransposeNd):
            return f"{type(layer).__name__} of {layer.groups} groups"
    return None


def _shapes(layer: nn.Module) -> list[Any]:
    return [p.shape for p in layer.parameters(recurse=False)]


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torch-pruning's warnings: they are of layers that are rigid, and said to be."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="torch_pruning")
        yield


def _ignorable(layer: nn.Module) -> list[Any]:
    """A layer as the pruner is told to let it be: with all that is in it, or its own weights."""
    return [*layer.parameters(recurse=False)] if next(layer.children(), None) else [layer]


def _feeding(graph: Any, parts: set[int]) -> list[nn.Module]:
    """The layers whose channels can't go without a change to these parts of the net."""
    return [
        group[0].dep.target.module
        for group in graph.get_all_groups()
        if any(id(item.dep.target.module) in parts for item in group)
    ]


def _importance(model: nn.Module, name: str) -> Any:
    from torch import nn
    from torch_pruning import importance

    if name == "taylor":
        return importance.GroupTaylorImportance()
    if name == "random":
        return importance.RandomImportance()
    if name == "batch_norm":
        if not any(isinstance(layer, nn.BatchNorm2d) for layer in model.modules()):
            raise JobFailed("importance = 'batch_norm': the net has no batch normalisation")
        return importance.BNScaleImportance()
    return importance.GroupMagnitudeImportance(p=1 if name == "l1" else 2)


def _add_gradients(model: nn.Module, data: TrainingData, fit: Trainer) -> None:
    """Leave the loss's gradients on the first training samples in the parameters."""
    from torch import from_numpy

    targets = from_numpy(data.train.targets[:_TAYLOR_SAMPLES])
    model.zero_grad()
    outputs = model(*fit.example(model, _TAYLOR_SAMPLES))
    data.task.loss(outputs, targets).backward()
