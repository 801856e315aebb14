"""Losses that listen to a teacher."""

from __future__ import annotations

import copy
from math import prod
from typing import TYPE_CHECKING

from compbench.contracts import stateless

if TYPE_CHECKING:
    from torch import Tensor, nn

    from compbench.contracts import Batch, Loss, Teaching, Trainer, TrainingData

KEPT_BYTES = 1 << 28  # of a teacher's outputs on the training split, asked once


class Last:
    """A teacher's outputs for the last inputs: mixed samples come with several targets."""

    def __init__(self) -> None:
        self.inputs: object = None
        self.outputs: Tensor | None = None

    def of(self, batch: Batch, fit: Trainer, teacher: nn.Module) -> Tensor:
        """What the teacher gives for a batch."""
        if self.outputs is None or self.inputs is not batch.inputs:
            self.inputs, self.outputs = batch.inputs, fit.outputs(teacher, batch)
        return self.outputs


def taught(teacher: nn.Module, by: Teaching, data: TrainingData, fit: Trainer) -> Loss | None:
    """The loss of learning from targets and from a teacher; None where it is plain training."""
    from torch import device

    from compbench.training.layout import working
    from compbench.training.strides import skip_first

    task = data.task

    @stateless
    def hard(outputs: Tensor, batch: Batch) -> Tensor:
        return by.hard_weight * task.loss(outputs, batch.targets)

    if by.soft_weight == 0:
        return None if by.hard_weight == 1 else hard
    # a copy, as the order of its weights in memory would show in the last bits of a child's logits
    teacher = copy.deepcopy(teacher)
    skip_first(teacher)
    working(teacher, fit.example(teacher), device("cpu"))
    fixed, last = None, Last()
    size = 4 * prod(task.output_shape(data.train.targets, data.signature.outputs))
    if not by.augments and size <= KEPT_BYTES:  # it sees the same samples every epoch
        fixed = fit.outputs(teacher, data.train)

    @stateless
    def loss(outputs: Tensor, batch: Batch) -> Tensor:
        if fixed is None:
            target = last.of(batch, fit, teacher)
        else:
            target = fixed[batch.indices]
        soft = task.imitation(target, outputs, by.temperature)
        return by.soft_weight * soft + hard(outputs, batch)

    return loss
