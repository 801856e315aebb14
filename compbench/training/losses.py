"""Losses that listen to a teacher."""

from __future__ import annotations

import copy
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

    from compbench.contracts import Batch, Loss, Teaching, Trainer, TrainingData

KEPT_BYTES = 1 << 28  # of a teacher's outputs on the training split, asked once


def taught(teacher: nn.Module, by: Teaching, data: TrainingData, fit: Trainer) -> Loss | None:
    """The loss of learning from targets and from a teacher; None where it is plain training."""
    from torch import device

    from compbench.training.layout import fastest, moved

    task = data.task

    def hard(outputs: Tensor, batch: Batch) -> Tensor:
        return by.hard_weight * task.loss(outputs, batch.targets)

    if by.soft_weight == 0:
        return None if by.hard_weight == 1 else hard
    # a copy, as the order of its weights in memory would show in the last bits of a child's logits
    teacher = moved(copy.deepcopy(teacher), device("cpu"), fastest(teacher))
    fixed = None
    size = 4 * prod(task.output_shape(data.train.targets, data.signature.outputs))
    if by.shift_pixels == 0 and size <= KEPT_BYTES:  # it sees the same samples every epoch
        fixed = fit.outputs(teacher, data.train)

    def loss(outputs: Tensor, batch: Batch) -> Tensor:
        target = fit.outputs(teacher, batch) if fixed is None else fixed[batch.indices]
        soft = task.imitation(target, outputs, by.temperature)
        return by.soft_weight * soft + hard(outputs, batch)

    return loss
