"""Losses that listen to a teacher."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from compbench.contracts import stateless

if TYPE_CHECKING:
    from torch import Tensor, nn

    from compbench.contracts import Batch, Loss, Teaching, Trainer, TrainingData
    from compbench.training.teacher import Teacher, Teachers

    Asked = Teacher | Teachers


def taught(
    net: nn.Module | Callable[[], Asked], by: Teaching, data: TrainingData, fit: Trainer
) -> Loss | None:
    """The loss of learning from targets and from a teacher; None where it is plain training.

    A function that makes what is asked in its place is called where there is something to ask.
    """
    from torch import nn

    from compbench.training.teacher import Teacher

    task, hard = data.task, on_targets(by, data)
    if by.soft_weight == 0:
        return None if by.hard_weight == 1 else hard
    teacher = Teacher(net, fit) if isinstance(net, nn.Module) else net()
    teacher.remember(by, data)

    @stateless
    def loss(outputs: Tensor, batch: Batch) -> Tensor:
        soft = task.imitation(teacher.outputs(batch), outputs, by.temperature)
        return by.soft_weight * soft + hard(outputs, batch)

    return loss


def on_targets(by: Teaching, data: TrainingData) -> Loss:
    """The task's own loss by its weight, a mean over all samples: those without a target add 0."""
    from torch import from_numpy

    from compbench.training.share import share

    task, known = data.task, None
    if by.label_share < 1:
        known = np.zeros(len(data.train), bool)
        known[share(data, by.label_share)] = True
        known = from_numpy(known)

    @stateless
    def hard(outputs: Tensor, batch: Batch) -> Tensor:
        if known is None:
            return by.hard_weight * task.loss(outputs, batch.targets)
        here = known.to(batch.indices.device)[batch.indices]
        if not here.any():
            return 0 * outputs.sum()
        part = here.to(outputs.dtype).mean()
        return by.hard_weight * part * task.loss(outputs[here], batch.targets[here])

    return hard
