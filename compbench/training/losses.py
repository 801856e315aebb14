"""Losses that listen to a teacher."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

    from compbench.contracts import Batch, Loss, Teaching, Trainer, TrainingData


def taught(teacher: nn.Module, by: Teaching, data: TrainingData, fit: Trainer) -> Loss | None:
    """The loss of learning from the labels and from a teacher; None where it is plain training."""
    from torch import device, from_numpy
    from torch.nn.functional import cross_entropy

    from compbench.training.layout import fastest, moved

    def hard(logits: Tensor, batch: Batch) -> Tensor:
        return by.hard_weight * cross_entropy(logits, batch.labels)

    if by.soft_weight == 0:
        return None if by.hard_weight == 1 else hard
    # a copy, as the order of its weights in memory would show in the last bits of a child's logits
    teacher = moved(copy.deepcopy(teacher), device("cpu"), fastest(teacher))
    fixed = None
    if by.shift_pixels == 0:  # the teacher sees the same images every epoch: ask it once
        fixed = fit.outputs(teacher, from_numpy(data.train.images))

    def loss(logits: Tensor, batch: Batch) -> Tensor:
        target = fit.outputs(teacher, batch.images) if fixed is None else fixed[batch.indices]
        soft = softened_divergence(target, logits, by.temperature)
        return by.soft_weight * soft + hard(logits, batch)

    return loss


def softened_divergence(target: Tensor, logits: Tensor, temperature: float) -> Tensor:
    """T² · KL(softmax(target / T) ‖ softmax(logits / T)), mean over the batch, in nats.

    Both arguments are logits (B, K). Zero where the distributions are the same, else positive. T²
    keeps the size of the gradients independent of T (Hinton et al., arXiv:1503.02531, section 2).
    """
    from torch.nn.functional import kl_div, log_softmax

    wanted = log_softmax(target / temperature, dim=1)
    given = log_softmax(logits / temperature, dim=1)
    return temperature**2 * kl_div(given, wanted, reduction="batchmean", log_target=True)
