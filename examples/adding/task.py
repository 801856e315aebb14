"""Levels are to be told, such as one to five stars: near is better than far."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from compbench.contracts import TaskBase
from compbench.headline import Headline


class Task(TaskBase):
    """Targets are levels int64 (N,), outputs logits (N, K); the metric is their distance.

    A sample's answer is its likeliest level, and its score how many levels that is off.
    """

    output: ClassVar[str] = "logits"

    @property
    def headline(self):
        """The mean over samples, in levels: the fewer the better."""
        return Headline(
            name="levels_off",
            label="levels off",
            unit="levels",
            better="lower",
            has_binary_scores=False,
        )

    def wrong_targets(self, targets, outputs):
        """Integers (N,), 0 to K - 1."""
        if targets.ndim != 1 or not np.issubdtype(targets.dtype, np.integer):
            return f"targets {targets.dtype} {targets.shape} should be int64 (N,)"
        if targets.min() < 0 or targets.max() >= outputs:
            return f"targets are not all in 0 to {outputs - 1}"
        return None

    def output_shape(self, targets, outputs):
        """(N, K)."""
        return len(targets), outputs

    def scores(self, outputs, targets):
        """How many levels the likeliest one is from the right one; float64 (N,)."""
        return np.abs(outputs.argmax(1) - targets).astype(np.float64)

    def blind_scores(self, targets, outputs):
        """Of the middle level, always."""
        return np.abs(np.median(targets) - targets)

    def agreement(self, reference, outputs):
        """1 where both have the same likeliest level, else 0; (N,)."""
        return (reference.argmax(1) == outputs.argmax(1)).astype(np.float64)

    def loss(self, outputs, targets):
        """The expected squared distance in levels."""
        levels = outputs.new_tensor(range(outputs.shape[1]))
        apart = (levels - targets[:, None]).square()
        return (outputs.softmax(1) * apart).sum(1).mean()

    def imitation(self, teacher, outputs, temperature):
        """T² · KL of the softened distributions."""
        from torch.nn.functional import kl_div

        wanted, given = ((x / temperature).log_softmax(1) for x in (teacher, outputs))
        return temperature**2 * kl_div(given, wanted, reduction="batchmean", log_target=True)
