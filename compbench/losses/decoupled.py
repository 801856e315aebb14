"""The teacher's outputs, with what they say of the right class apart from the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from compbench.contracts import Compared, Glimpse, LossBase, Net, TrainingData

if TYPE_CHECKING:
    from torch import Tensor


class Loss(LossBase):
    """T² · (alpha · KL of "is it the label?" + beta · KL of the other classes among themselves).

    In plain distillation the second is weighted by how unsure the teacher is of the label, which
    hides what it knows of the others. With p softened by T, y the label, and q what p gives the
    other classes, made to sum to 1: KL((p_y, 1 − p_y) of teacher ‖ student), and
    KL(q of teacher ‖ q of student), both in nats, means over the batch. Source: Zhao et al.,
    "Decoupled Knowledge Distillation", arXiv:2203.08679, section 3.2: alpha = 1, beta = 8, T = 4.
    """

    uses_targets: ClassVar[bool] = True

    temperature: float = Field(default=4.0, gt=0, description="T, which softens both distributions")
    alpha: float = Field(default=1.0, ge=0, description="weight of the right class against others")
    beta: float = Field(default=8.0, ge=0, description="weight of the other classes")

    def begin(self, first: Glimpse, nets: tuple[Net, Net], data: TrainingData) -> Compared:
        """Raises ValueError where a sample has no one class."""
        if not data.task.has_classes:
            raise ValueError("each sample needs one right class: the task has none")
        if first.student.shape[-1] < 3:
            raise ValueError("with two classes there is but one beside the label: take 'soft'")
        return self._compare

    def _compare(self, seen: Glimpse) -> Tensor:
        from torch import arange
        from torch.nn.functional import kl_div, log_softmax

        labels, places = seen.batch.targets, arange(seen.student.shape[-1])
        others = places.to(labels.device) != labels[:, None]  # (B, K)
        found = []
        for logits in (seen.teacher, seen.student):
            logs = log_softmax(logits / self.temperature, dim=1)
            rest = logs[others].view(len(labels), -1)
            wanted = logs.gather(1, labels[:, None])
            both = _beside(wanted, rest.logsumexp(1, keepdim=True))
            found.append((both, log_softmax(rest, dim=1)))
        (both, rest), (both_of_student, rest_of_student) = found
        of_target = kl_div(both_of_student, both, reduction="batchmean", log_target=True)
        of_others = kl_div(rest_of_student, rest, reduction="batchmean", log_target=True)
        return self.temperature**2 * (self.alpha * of_target + self.beta * of_others)


def _beside(one: Tensor, other: Tensor) -> Tensor:
    from torch import cat

    return cat([one, other], dim=1)
