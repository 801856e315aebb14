"""The teacher's outputs, softened."""

from __future__ import annotations

from pydantic import Field

from compbench.contracts import Compared, Glimpse, LossBase, Net, TrainingData


class Loss(LossBase):
    """The student gives what the teacher gives: T² · KL(softmax(z_teacher / T) ‖ softmax(z / T)).

    That is of classes and of tokens, in nats; of several labels it is of each, yes or no; of
    numbers it is the squared error, which has no temperature. Source: Hinton, Vinyals, Dean,
    "Distilling the Knowledge in a Neural Network", arXiv:1503.02531, section 2.
    """

    temperature: float = Field(
        default=4.0, gt=0, description="T, which softens both distributions; numbers have none"
    )

    def begin(self, first: Glimpse, nets: tuple[Net, Net], data: TrainingData) -> Compared:
        """What the task takes for it."""
        return lambda seen: data.task.imitation(seen.teacher, seen.student, self.temperature)
