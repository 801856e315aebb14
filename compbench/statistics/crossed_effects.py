"""Two techniques' answers, of several trainings each, to the same samples; pure.

Other samples and other trainings both move a difference in accuracy: samples and seeds are crossed
random effects. The variance of the mean is found from the mean squares, with Satterthwaite's
degrees of freedom (Biometrics Bulletin 2, 1946).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

Correct = Sequence[NDArray[np.uint8]]  # 0/1 for each of the same N samples, an array a seed


@dataclass(frozen=True)
class CrossedMean:
    """A mean over seeds and samples, its variance were both drawn anew, and how sure that is."""

    mean: float
    variance: float
    freedom: float  # of Student's t
    most: float = 1.0  # that a difference can be

    @staticmethod
    def of(correct: Correct, baseline: Correct) -> CrossedMean | None:
        """Of our accuracy less theirs, seed by seed; None with one seed: it has no spread."""
        return CrossedMean.of_leads(np.asarray(correct, np.int8) - np.asarray(baseline, np.int8))

    @staticmethod
    def of_leads(leads: NDArray[Any], most: float = 1.0) -> CrossedMean | None:
        """Of differences (seeds, N), none of which is beyond `most`; None with one seed."""
        seeds, samples = leads.shape
        if seeds < 2 or samples < 2:
            return None
        mean = float(leads.mean())
        all_squares = float((leads.astype(np.float64) ** 2).sum()) - leads.size * mean**2
        of_samples = float(seeds * ((leads.mean(axis=0) - mean) ** 2).sum())
        of_seeds = float(samples * ((leads.mean(axis=1) - mean) ** 2).sum())
        of_rest = max(0.0, all_squares - of_samples - of_seeds)
        degrees = np.array([samples - 1, seeds - 1, (samples - 1) * (seeds - 1)], float)
        squares = np.array([of_samples, of_seeds, of_rest])
        by_sample, by_seed, by_chance = parts = squares / degrees / leads.size
        # chance is in both, so counted twice; less of it can't make less than either is alone
        variance = float(max(by_sample + by_seed - by_chance, by_sample, by_seed))
        return CrossedMean(mean, variance, _freedom(variance, parts, degrees, seeds), most)

    def bounds(self, alpha: float) -> tuple[float, float]:
        """The ends of the interval with `alpha` outside, half on either side."""
        half = float(stdtrit(self.freedom, 1 - alpha / 2)) * sqrt(self.variance)
        return max(-self.most, self.mean - half), min(self.most, self.mean + half)

    @property
    def p_value(self) -> float:
        """How often a mean as far from 0 comes about if the true one is 0."""
        if self.variance == 0:
            return float(self.mean == 0)
        return 2 * float(stdtr(self.freedom, -abs(self.mean) / sqrt(self.variance)))


def _freedom(
    variance: float, parts: NDArray[np.float64], degrees: NDArray[np.float64], seeds: int
) -> float:
    """Satterthwaite's less one: his promise a bit too much where seeds are few (simulated).

    Of two seeds the spread is so uncertain that nothing can be told from its size: one degree.
    """
    least = float(seeds - 1)
    if seeds == 2 or variance == 0:
        return least
    return max(least, variance**2 / float((parts**2 / degrees).sum()) - 1)
