"""Pruning of depth: whole blocks of a net are left out."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from compbench.contracts import FineTuning, NullCase, TorchTechnique, Trainer, TrainingData
from compbench.errors import JobFailed, first_line
from compbench.toolkit import blocks
from compbench.toolkit.masks import keeping_zeros
from compbench.training.losses import taught

if TYPE_CHECKING:
    from torch import nn


class Technique(FineTuning, TorchTechnique):
    """Leave out some of the blocks that a net has one after another; fine-tune the others.

    The student of DistilBERT (Sanh et al., arXiv:1910.01108, section 3): every other layer of the
    teacher, with the teacher's weights to begin with, trained on its outputs by `soft_weight`.
    Blocks are modules of one class and of the same shapes in one list of the net, such as the
    layers of a transformer; what goes is a whole block, and what is around it stays.
    """

    family: ClassVar[str] = "pruned"
    undoes: ClassVar[tuple[str, ...]] = ("shared weights",)
    null_case: ClassVar[NullCase] = NullCase({"ratio": 0.0, "epochs": 0})

    ratio: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        description="share of the blocks to leave out: with 0.5 of six stay 0, 2 and 4. At least "
        "that share goes, and at least one block stays",
    )
    keep: blocks.Kept | None = Field(
        default=None, description="the blocks that stay, counted from 0; no ratio"
    )
    path: str | None = Field(
        default=None,
        description="path of the list of blocks; without it the one that holds most parameters",
    )

    @model_validator(mode="after")
    def _one_measure(self) -> Technique:
        if self.keep is not None and "ratio" in self.model_fields_set:
            raise ValueError("ratio and keep both say which blocks stay: keep one")
        return self

    def build(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> nn.Module:
        """The shallower module, fine-tuned; what it takes and gives is the parent's."""
        model = copy.deepcopy(parents[0])
        if self.keep is not None or self.ratio:
            self._leave_out(model, fit)
        return fit(model, self, taught(parents[0], self, data, fit), keeping_zeros(model))

    def _leave_out(self, model: nn.Module, fit: Trainer) -> None:
        try:
            found = blocks.found(model, self.path)
            count = len(found.places)
            kept = self.keep or blocks.evenly(count, max(1, int(count * (1 - self.ratio) + 1e-9)))
            blocks.keep(model, found, kept)
        except ValueError as error:
            raise JobFailed(f"nothing was left out: {error}") from error
        if len(kept) == count:
            fit.note(f"nothing was left out: all {count} blocks of '{found.path}' stay")
        try:
            model.eval()(*fit.example(model))
        except Exception as error:  # the net's own code, which may count on all of its blocks
            raise JobFailed(
                f"without blocks of '{found.path}' the net does not run: {first_line(error)}"
            ) from error
