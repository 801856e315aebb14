"""Structured pruning: whole channels are removed, so that the file is smaller and faster."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from compbench.contracts import FineTuning, NullCase, TorchTechnique, Trainer, TrainingData
from compbench.contracts.arguments import arguments
from compbench.errors import JobFailed
from compbench.toolkit import channel_cost, channels
from compbench.toolkit.channel_trial import complaint, settled
from compbench.toolkit.channels import Group
from compbench.toolkit.layers import all_trainable, output_layers, weighty
from compbench.toolkit.layers import left as left_as_they_are
from compbench.toolkit.masks import keeping_zeros
from compbench.toolkit.sample import sample
from compbench.training.losses import taught

if TYPE_CHECKING:
    from torch import Tensor, nn

    from compbench.toolkit.channel_cost import Share

    Example = tuple[Tensor, ...]

_TAYLOR_SAMPLES = 1024
_COUNTED = 10_000  # tries to give channels back, where a try takes some microseconds
_MEASURED = 12  # where a file is exported and timed
_SEARCH_STEPS = 12  # halvings of the channel ratio: channels are far fewer than 2 ** 12


class Technique(FineTuning, TorchTechnique):
    """Remove the least important channels from every layer but the last; fine-tune.

    The same share is removed from each layer; where it is found for a whole net's `of`, the layers
    that lost most have blocks of `round_to` channels back until the target is just met. A channel's
    importance is the mean, over all weight tensors that go with it (its dependency group, also
    through residual connections; biases don't count), of a sum over the part w of each that is this
    channel's. `l1`: Σ|w| (Li et al., arXiv:1608.08710, who take the layer's own weights alone);
    `l2`: Σw², which ranks as the norm of the whole group; `taylor`: Σ|w · ∂loss/∂w| on 1,024
    training samples, of layers that multiply and LayerNorm, no batch norm (after Molchanov et al.,
    arXiv:1906.10771, who square the sum, with its signs); `batch_norm`: the scale |γ| (Liu et al.,
    arXiv:1708.06519), a layer that has none stays whole; `random`: the control that says what
    choosing is worth. Groups: Fang et al., "DepGraph", arXiv:2301.12900 (torch-pruning). Grouped
    convolutions and GroupNorm lose as many channels in each of their groups. Each group of channels
    is tried first: layers stay whole, and are named with the reason, where the rest would not run
    or would give something else; where nothing can go the job fails before it trains. With
    `soft_weight` above 0 the fine-tuning also learns from the unpruned parent.
    """

    family: ClassVar[str] = "pruned"
    libraries: ClassVar[tuple[str, ...]] = ("torch-pruning",)
    undoes: ClassVar[tuple[str, ...]] = ("shared weights",)
    null_case: ClassVar[NullCase] = NullCase({"ratio": 0.0, "epochs": 0})

    ratio: float = Field(default=0.5, ge=0, lt=1, description="share to remove (0 to 1)")
    of: Literal["channels", "macs", "parameters", "latency"] = Field(
        default="channels",
        description="what the ratio is a share of: each layer's channels, or the whole net's "
        "multiply-accumulates, parameters or latency, of which at least that share is removed; "
        "latency is measured while it is made, one sample at a time on one CPU thread",
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
        """The smaller module, fine-tuned; it takes and gives what its parent does."""
        model = copy.deepcopy(parents[0]).eval()
        example = fit.example(model)
        importance = _importance(model, self.importance)
        found, ratio, left = self._planned(model, example, fit)
        why = channels.reasons(model, found, left, self.round_to)
        if self.ratio and not left:
            raise JobFailed(f"nothing was pruned: {_whole(parents[0], model, example, why)}")
        loss = taught(parents[0], self, data, fit)
        frozen = {name for name, one in model.named_parameters() if not one.requires_grad}
        for step in range(1, self.steps + 1):
            model.to("cpu")  # a fit may leave it elsewhere
            if self.importance == "taylor":
                _add_gradients(model, data)
            now = channels.going(found, ratio * step / self.steps, self.round_to)
            now = {number: max(count, left[number]) for number, count in now.items()}
            channels.remove(model, example, found, now, lambda _, group: importance(group))
            model.zero_grad()
            for name, one in model.named_parameters():  # those made anew have forgotten it
                one.requires_grad_(name not in frozen)
            fit(model, self, loss, keeping_zeros(model))
        same = _whole(parents[0], model, example, why)
        if self.ratio and same:
            fit.note(same)
        return model

    def _planned(
        self, model: nn.Module, example: Example, fit: Trainer
    ) -> tuple[list[Group], float, dict[int, int]]:
        """The groups of channels, those that must stay with a reason; the share of channels that
        goes; how many are left of those that lose some, by the group's number."""
        found = [self._without_scale(model, group) for group in channels.groups(model, example)]
        share = channel_cost.share_of(self.of, model, example, fit)
        ratio = self.ratio if self.of == "channels" else 0.5
        while True:
            before = found
            for step in range(1, self.steps + 1):
                found = settled(model, example, found, ratio * step / self.steps, self.round_to)
            if self.of == "channels" or self.ratio == 0:
                return found, self.ratio, channels.going(found, self.ratio, self.round_to)
            wanted = self._channel_ratio(model, example, found, share)
            if found == before and wanted == ratio:
                break
            ratio = wanted
        left = self._given_back(model, example, found, ratio, share)
        fit.note(_told(self.of, self.ratio, share(found, left)))
        return found, ratio, left

    def _given_back(
        self, model: nn.Module, example: Example, found: list[Group], ratio: float, share: Share
    ) -> dict[int, int]:
        """How many channels are left: of the same ratio of all, but for what need not go.

        All are rounded down to blocks at once, and cross them together: twice what is asked for may
        go.
        """

        def is_enough(left: Mapping[int, int]) -> bool:
            return 1 - share(found, left) >= self.ratio

        def also_runs(left: Mapping[int, int]) -> bool:
            return is_enough(left) and complaint(model, example, found, left) is None

        same = channels.going(found, ratio, self.round_to)
        tries = _MEASURED if self.of == "latency" else _COUNTED
        left = channels.given_back(found, same, self.round_to, is_enough, tries)
        if complaint(model, example, found, left) is None:
            return left
        return channels.given_back(found, same, self.round_to, also_runs, tries)

    def _without_scale(self, model: nn.Module, group: Group) -> Group:
        """A group stays whole where its importance is a batch norm's, and it has none."""
        if self.importance != "batch_norm" or group.reason:
            return group
        if any(_scales(model, path) for path in group.owners):
            return group
        return replace(group, reason="no batch normalisation says how important they are")

    def _channel_ratio(
        self, model: nn.Module, example: Example, found: list[Group], share: Share
    ) -> float:
        """The smallest share of channels whose removal reaches the target, by halving."""

        def removed(ratio: float) -> float:
            return 1 - share(found, channels.going(found, ratio, self.round_to))

        few, many = 0.0, 1 - 2**-_SEARCH_STEPS
        most = removed(many)
        if most < self.ratio:
            left = channels.going(found, many, self.round_to)
            why = channels.reasons(model, found, left, self.round_to)
            last = output_layers(model, example)
            whole = {p: why[p] for p in weighty(model) if p in why and p not in last}
            raise JobFailed(
                f"ratio = {self.ratio} of {self.of}: at most {most:.0%} can go, for each layer "
                f"keeps at least {self.round_to} channels (round_to)"
                + (f"; {left_as_they_are(whole)}" if whole else "")
            )
        for _ in range(_SEARCH_STEPS):
            middle = (few + many) / 2
            few, many = (few, middle) if removed(middle) >= self.ratio else (middle, many)
        return many


def _told(what: str, ratio: float, share: float) -> str:
    went = f"{1 - share:.1%} of its parent's {what} went, where {ratio:.1%} was asked for"
    if what == "latency":
        return f"{went}, as measured while it was made: another machine may choose other widths"
    return went


def _whole(parent: nn.Module, model: nn.Module, example: Example, why: Mapping[str, str]) -> str:
    """What to say of layers with all their weights still, but for those that give the outputs."""
    last = output_layers(parent, example)
    now = dict(model.named_modules())
    same: dict[str, str] = {}
    for path, layer in weighty(parent).items():
        if path in last or path not in now or _shapes(layer) != _shapes(now[path]):
            continue
        own = [path] if path in why else [f"{path}.{n}".lstrip(".") for n in layer._parameters]
        same |= {name: why.get(name, "all its channels stay") for name in own}
    return left_as_they_are(same) if same else ""


def _scales(model: nn.Module, path: str) -> bool:
    """Whether a layer is a batch normalisation with a scale."""
    from torch.nn.modules.batchnorm import _BatchNorm

    layer = dict(model.named_modules()).get(path)  # a parameter has a path too
    return isinstance(layer, _BatchNorm) and layer.affine


def _shapes(layer: nn.Module) -> list[Any]:
    return [p.shape for p in layer.parameters(recurse=False)]


def _importance(model: nn.Module, name: str) -> Any:
    from torch.nn.modules.batchnorm import _BatchNorm
    from torch_pruning import importance

    if name == "taylor":
        return importance.GroupTaylorImportance()
    if name == "random":
        return importance.RandomImportance()
    if name == "batch_norm":
        if not any(isinstance(layer, _BatchNorm) for layer in model.modules()):
            raise JobFailed("importance = 'batch_norm': the net has no batch normalisation")
        return importance.BNScaleImportance()
    return importance.GroupMagnitudeImportance(p=1 if name == "l1" else 2)


def _add_gradients(model: nn.Module, data: TrainingData) -> None:
    """Leave the loss's gradients on a sample of the training split in the parameters."""
    from torch import from_numpy

    seen = sample(data.train, _TAYLOR_SAMPLES)
    model.zero_grad()
    with all_trainable(model):
        outputs = model(*arguments(model, data, seen.arrays))
        data.task.loss(outputs, from_numpy(seen.targets)).backward()
