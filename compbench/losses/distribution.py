"""The teacher's outputs, as how they rank: correlations instead of distances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from compbench.contracts import Compared, Glimpse, LossBase, Net, TrainingData

if TYPE_CHECKING:
    from torch import Tensor


class Loss(LossBase):
    """T² · (inter · (1 − ρ of each sample's classes) + intra · (1 − ρ of each class's samples)).

    ρ is Pearson's correlation of the softened probabilities of teacher and student, a mean over the
    samples and over the classes of the batch: a student need not match a stronger teacher's
    numbers, but rank as it does. Source: Huang et al., "Knowledge Distillation from A Stronger
    Teacher", arXiv:2205.10536, section 4: both weights 2, and T = 4 for small images, 1 for large.
    """

    temperature: float = Field(default=4.0, gt=0, description="T, which softens both distributions")
    inter: float = Field(default=2.0, ge=0, description="weight of the classes of each sample")
    intra: float = Field(default=2.0, ge=0, description="weight of the samples of each class")

    def begin(self, first: Glimpse, nets: tuple[Net, Net], data: TrainingData) -> Compared:
        """Raises ValueError where outputs are no distribution over classes."""
        if not data.task.has_classes:
            raise ValueError("outputs need to be one distribution over classes: the task has none")
        return self._compare

    def _compare(self, seen: Glimpse) -> Tensor:
        from torch.nn.functional import softmax

        wanted, given = (
            softmax(logits / self.temperature, dim=1) for logits in (seen.teacher, seen.student)
        )
        unlike = self.inter * _unlikeness(wanted, given)
        if len(given) > 1:  # one sample correlates with nothing
            unlike = unlike + self.intra * _unlikeness(wanted.T, given.T)
        return self.temperature**2 * unlike


def _unlikeness(wanted: Tensor, given: Tensor) -> Tensor:
    """1 - Pearson's correlation of the rows, their mean."""
    from torch.nn.functional import cosine_similarity

    wanted, given = (x - x.mean(1, keepdim=True) for x in (wanted, given))
    return 1 - cosine_similarity(wanted, given, dim=1).mean()
