"""Two models' answers to the same samples: how sure is a difference in accuracy? Pure.

The score test of a paired difference and its interval: Tango, Statistics in Medicine 17, 1998. Its
level holds from 288 samples on, and far out in the tails, where Wald's intervals do not: there one
decides about many candidates at once (docs/measurement.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import copysign
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compbench.statistics.distributions import normal_quantile, root, samples_needed

_TINY = 1e-300  # so that nothing is divided by 0
Correct = Sequence[NDArray[np.uint8]]  # 0/1 for each of the same N samples, an array a seed


def score(ours: Any, theirs: Any, samples: int, null: Any, share: Any = 1.0) -> Any:
    """`Disagreement.score` of one or of arrays of them, `null` from -1 to 1."""
    linear = (2 * samples - ours + theirs) * null - ours - theirs
    root = abs(linear**2 + 8 * samples * theirs * null * (1 - null)) ** 0.5
    only_theirs = (root - linear) / (4 * samples)  # most likely, if `null` were true
    variance = samples * share * abs(2 * only_theirs + null - null**2)
    return (ours - theirs - samples * null) / (variance + _TINY) ** 0.5


@dataclass(frozen=True)
class Disagreement:
    """On how many of `samples` only one of the two was right: a mean over seeds.

    `share` is the variance of the mean over seeds to that of one seed, 1 for a single one: seeds
    share the samples, so they are no more of them, but what only one seed does averages out.
    """

    ours: float  # samples on which only ours was right
    theirs: float
    samples: int
    share: float = 1.0

    @staticmethod
    def of(correct: Correct, baseline: Correct) -> Disagreement:
        """Of N samples, both sides with the same seeds in the same order."""
        leads = np.asarray(correct, float) - np.asarray(baseline, float)  # (seeds, N)
        seeds, samples = leads.shape
        ours, theirs = float((leads > 0).sum()) / seeds, float((leads < 0).sum()) / seeds
        together = float((leads.mean(axis=0) ** 2).sum())
        share = 1.0 if seeds == 1 else min(1.0, (together + 1) / (ours + theirs + 1))
        return Disagreement(ours, theirs, samples, share)

    @property
    def change(self) -> float:
        """Our accuracy less theirs, -1 to 1."""
        return (self.ours - self.theirs) / self.samples

    def score(self, null: float) -> float:
        """How many standard errors the change is above `null`, if `null` were true."""
        return float(score(self.ours, self.theirs, self.samples, null, self.share))

    def bounds(self, alpha: float) -> tuple[float, float]:
        """The ends of the interval with `alpha` outside, half on either side."""
        z = -normal_quantile(alpha / 2)
        return self._where(z), self._where(-z)

    def samples_to_decide(self, null: float, alpha: float) -> int | None:
        """How many samples would put an end of that interval at `null`, were the shares the same.

        None where no number would: the change is `null` itself.
        """
        return samples_needed(self.samples, self.score(null), alpha)

    def _where(self, score: float) -> float:
        """The null whose score this is; the score falls as the null grows."""

        at = self.change
        edge = copysign(1.0, -score)
        if abs(at - edge) < 1e-12:
            return edge
        low, high = sorted((edge * (1 - 1e-12), at))
        lowest, highest = self.score(low) - score, self.score(high) - score
        if lowest * highest > 0:
            return edge if abs(at) == 1 else at
        return root(lambda null: self.score(null) - score, low, high, within=1e-9)
