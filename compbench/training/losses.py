"""Losses that listen to a teacher."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compbench.contracts import stateless

if TYPE_CHECKING:
    from torch import Tensor, nn

    from compbench.contracts import Batch, Loss, Teaching, Trainer, TrainingData


def taught(teacher: nn.Module, by: Teaching, data: TrainingData, fit: Trainer) -> Loss | None:
    """The loss of learning from targets and from a teacher; None where it is plain training."""
    from compbench.training.teacher import Teacher

    task = data.task

    @stateless
    def hard(outputs: Tensor, batch: Batch) -> Tensor:
        return by.hard_weight * task.loss(outputs, batch.targets)

    if by.soft_weight == 0:
        return None if by.hard_weight == 1 else hard
    asked = Teacher(teacher, fit)
    asked.remember(by, data)

    @stateless
    def loss(outputs: Tensor, batch: Batch) -> Tensor:
        soft = task.imitation(asked.outputs(batch), outputs, by.temperature)
        return by.soft_weight * soft + hard(outputs, batch)

    return loss
