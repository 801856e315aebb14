"""What trees learn: numbers whose mean over the samples of a leaf is its answer.

Of classes these are shares of 1, of labels the share of yes, of numbers themselves. The outputs of
a task are their logarithms, their logits, or themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from compbench.contracts import Listening, Means, TaskBase

_LEAST = 0.01  # shares below it count as this, that roundings of a sum stay small in its logarithm

Wanted = tuple[NDArray[np.float64], NDArray[np.float64] | None]


@dataclass(frozen=True)
class Link:
    """How means become outputs: T · log p, T · log (p / (1 - p)), or as they are.

    `least` is what a smaller share counts as.
    """

    means: Means
    temperature: float = 1.0
    least: float = _LEAST

    def outputs(self, means: NDArray[np.float64]) -> NDArray[np.float32]:
        """The task's outputs (N, K)."""
        if self.means == "distribution":
            found = self.temperature * np.log(np.maximum(means, self.least))
        elif self.means == "labels":
            shares = means.clip(self.least, 1 - self.least)
            found = self.temperature * (np.log(shares) - np.log(1 - shares))
        else:
            found = means
        return found.astype(np.float32)


def link(task: TaskBase, outputs: int, temperature: float = 1.0) -> Link:
    """A task's. Raises ValueError where it has none."""
    if not task.means:
        raise ValueError(
            "trees learn means of samples: of one class, of labels or of numbers each, which the "
            "targets of this task are not"
        )
    least = min(_LEAST, 0.1 / outputs) if task.means == "distribution" else _LEAST
    return Link(task.means, temperature if task.has_temperature else 1.0, least)


def softened(outputs: NDArray[np.float32], means: Means, temperature: float) -> NDArray[np.float64]:
    """What a teacher's outputs (N, K) say, as numbers of which there are means (N, K)."""
    found = outputs.astype(np.float64)
    if means == "distribution":
        return softmax(found / temperature, axis=1)
    return expit(found / temperature) if means == "labels" else found


def mixed(
    hard: NDArray[np.float64],
    soft: NDArray[np.float64] | None,
    is_known: NDArray[np.bool_],
    by: Listening,
) -> Wanted:
    """What is learnt of each sample (N, K), and the samples' weights (N,), None where all are 1.

    The mean of the teacher's numbers and the targets' by their weights: the one tree that is best
    for it is best for the weighted sum of both squared errors. A sample without a known target has
    the teacher's numbers, by their weight alone.
    """
    if soft is None:
        return hard, None
    both = by.soft_weight + by.hard_weight
    mean = (by.soft_weight * soft + by.hard_weight * hard) / both
    if is_known.all() or by.hard_weight == 0:
        return mean, None
    return (
        np.where(is_known[:, None], mean, soft),
        np.where(is_known, 1.0, by.soft_weight / both),
    )
