"""Structured pruning: whole channels are removed, so that the file is smaller and faster."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from compbench.contracts import NullCase, TorchTechnique, Trainer, TrainingData
from compbench.layers import output_layer
from compbench.recipe import Recipe

if TYPE_CHECKING:
    from torch import nn


class Technique(Recipe, TorchTechnique):
    """Remove the channels with the smallest L2 norm from every layer but the last; fine-tune.

    The same share is removed from each layer. Norms are taken over a dependency group: all the
    weights that go with a channel. Sources: Li et al., "Pruning Filters for Efficient ConvNets",
    arXiv:1608.08710; Fang et al., "DepGraph", arXiv:2301.12900 (torch-pruning).
    """

    libraries: ClassVar[tuple[str, ...]] = ("torch-pruning",)
    null_case: ClassVar[NullCase] = NullCase({"ratio": 0.0, "epochs": 0})

    ratio: float = Field(
        default=0.5, ge=0, lt=1, description="share of each layer's channels to remove"
    )
    round_to: int = Field(
        default=8, ge=1, description="channels left are a multiple of this: kernels work on blocks"
    )
    epochs: int = Field(default=4, ge=0, description="epochs of fine-tuning after the pruning")

    def build(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> nn.Module:
        """The smaller module, fine-tuned: images (N, C, H, W) -> logits (N, K)."""
        import torch_pruning
        from torch import from_numpy

        model = copy.deepcopy(parents[0]).eval()
        _, output = output_layer(model)
        pruner = torch_pruning.pruner.BasePruner(
            model,
            from_numpy(data.train.images[:2]),
            importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
            pruning_ratio=self.ratio,
            ignored_layers=[output],
            round_to=self.round_to,
        )
        pruner.step()
        return fit(model.requires_grad_(True), self)
