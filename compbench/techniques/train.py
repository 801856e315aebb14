"""Training on the targets: from scratch, or with a parent as fine-tuning."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from compbench.contracts import (
    ModelOption,
    NullCase,
    Recipe,
    TorchTechnique,
    Trainer,
    TrainingData,
    net_or_parent,
)
from compbench.toolkit.masks import keeping_zeros

if TYPE_CHECKING:
    from torch import nn


class Technique(Recipe, TorchTechnique):
    """Minimise the task's loss on the targets: of classes their cross-entropy.

    Without a parent it trains `model` from scratch: the teacher, or the student without a teacher
    that every distillation is compared with. With a parent it fine-tunes that parent's weights: the
    control that pruning and factorising need. Weights that are exactly zero in the parent stay so.
    """

    family: ClassVar[str] = "trained"
    parents: ClassVar[tuple[int, int]] = (0, 1)
    undoes: ClassVar[tuple[str, ...]] = ("shared weights",)
    null_case: ClassVar[NullCase] = NullCase({"epochs": 0})

    model: ModelOption = Field(default=None, description="the net to train; without a parent only")

    def problem(self, parent_count: int) -> str | None:
        """Either a model or a parent, never both."""
        return net_or_parent(self.model, parent_count) or super().problem(parent_count)

    def build(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> nn.Module:
        """The trained module."""
        if parents:
            model = copy.deepcopy(parents[0])
            return fit(model, self, after_step=keeping_zeros(model))
        return fit(self.model.build(data.signature), self)
