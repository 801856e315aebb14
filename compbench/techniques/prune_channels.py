"""Structured pruning: whole channels are removed, so that the file is smaller and faster."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from compbench.contracts import FineTuning, NullCase, TorchTechnique, Trainer, TrainingData
from compbench.errors import JobFailed
from compbench.toolkit.layers import output_layer
from compbench.toolkit.masks import keeping_zeros
from compbench.training.losses import taught

if TYPE_CHECKING:
    from torch import Tensor, nn

_TAYLOR_SAMPLES = 1024
_SEARCH_STEPS = 12  # halvings of the channel ratio: channels are far fewer than 2 ** 12


class Technique(FineTuning, TorchTechnique):
    """Remove the least important channels from every layer but the last; fine-tune.

    The same share is removed from each layer. Importance is summed over a dependency group: all the
    weights that go with a channel, also through residual connections. With w a channel's weights,
    `l1`: Σ|w| (Li et al., arXiv:1608.08710); `l2`: √Σw²; `taylor`: |Σ w · ∂loss/∂w| on training
    images (Molchanov et al., arXiv:1906.10771); `batch_norm`: its scale |γ| (Liu et al.,
    arXiv:1708.06519); `random`: the control that says what choosing is worth. Groups: Fang et al.,
    "DepGraph", arXiv:2301.12900 (torch-pruning). With `soft_weight` above 0 the fine-tuning also
    learns from the unpruned parent.
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
        default="l2", description="which channels go first: the least important"
    )
    steps: int = Field(
        default=1, ge=1, description="rounds of pruning, each with `epochs` of fine-tuning"
    )
    round_to: int = Field(
        default=8, ge=1, description="channels left are a multiple of this: kernels work on blocks"
    )

    def build(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> nn.Module:
        """The smaller module, fine-tuned: images (N, C, H, W) -> logits (N, K)."""
        from torch import from_numpy

        model = copy.deepcopy(parents[0]).eval()
        images = from_numpy(data.train.images)
        ratio = self._channel_ratio(model, images[:2])
        pruner = self._pruner(model, images[:2], ratio, self.importance, self.steps)
        loss = taught(parents[0], self, data, fit)
        for _ in range(self.steps):
            if self.importance == "taylor":
                _add_gradients(model, data)
            pruner.step()
            model.zero_grad()
            fit(model.requires_grad_(True), self, loss, keeping_zeros(model))
        return model

    def _pruner(
        self, model: nn.Module, example: Tensor, ratio: float, importance: str, steps: int
    ) -> Any:
        import torch_pruning

        return torch_pruning.pruner.BasePruner(
            model,
            example,
            importance=_importance(model, importance),
            pruning_ratio=ratio,
            ignored_layers=[output_layer(model)[1]],
            round_to=self.round_to,
            iterative_steps=steps,
        )

    def _channel_ratio(self, model: nn.Module, example: Tensor) -> float:
        """The smallest share of channels whose removal reaches the target, by halving."""
        if self.of == "channels" or self.ratio == 0:
            return self.ratio
        before = self._cost(model, example)
        few, many = 0.0, 1 - 2**-_SEARCH_STEPS
        for _ in range(_SEARCH_STEPS):
            middle = (few + many) / 2
            removed = 1 - self._cost_at(model, example, middle) / before
            few, many = (few, middle) if removed >= self.ratio else (middle, many)
        most = 1 - self._cost_at(model, example, many) / before
        if most < self.ratio:
            raise JobFailed(
                f"ratio = {self.ratio} of {self.of}: at most {most:.0%} can go, for each layer "
                f"keeps at least {self.round_to} channels (round_to)"
            )
        return many

    def _cost_at(self, model: nn.Module, example: Tensor, ratio: float) -> int:
        trial = copy.deepcopy(model)
        self._pruner(trial, example, ratio, "l2", 1).step()
        return self._cost(trial, example)

    def _cost(self, model: nn.Module, example: Tensor) -> int:
        import torch_pruning

        if self.of == "parameters":
            return sum(p.numel() for p in model.parameters())
        return int(torch_pruning.utils.count_ops_and_params(model, example[:1])[0])


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


def _add_gradients(model: nn.Module, data: TrainingData) -> None:
    """Leave the loss's gradients on the first training images in the parameters."""
    from torch import from_numpy
    from torch.nn.functional import cross_entropy

    images = from_numpy(data.train.images[:_TAYLOR_SAMPLES])
    labels = from_numpy(data.train.labels[:_TAYLOR_SAMPLES])
    model.zero_grad()
    cross_entropy(model(images), labels).backward()
