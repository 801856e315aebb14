"""Two models' scores of the same samples, where a score is a number: how sure is the difference?

Pure. The interval of a mean is Student's, with fewer degrees of freedom where few large ones make
the spread (long tails); and where a tail on one side makes that too short (squared errors), by
Hall's transformation against skewness, whichever goes farther: P. Hall, "On the removal of skewness
by transformation", Journal of the Royal Statistical Society B 54, 1992.
The p-value is that of random signs, which holds whatever the scores' distribution is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from compbench.statistics.distributions import samples_needed, t_quantile

_TINY = 1e-300  # so that no p-value is 0
_ROUNDING = 1e-12  # of sums of differences, relative to their sizes
_EXACT = 15  # of the largest differences all combinations of signs are gone through
_STRAIGHT = 1e-6  # a skewness so small corrects nothing


@dataclass(frozen=True)
class Differences:
    """A mean over samples and how it spreads: `error` is its standard error.

    `skewness` is that of one sample, `freedom` of Student's t; `change` is ours less theirs, in the
    metric's unit.
    """

    change: float
    error: float
    skewness: float
    samples: int
    freedom: float

    @staticmethod
    def of(values: NDArray[np.float64]) -> Differences:
        """Of a number a sample (N,): one seed's, or the mean over seeds, which share samples.

        Raises ValueError where there is none, or one that is not finite: no mean would be a number.
        """
        _refuse_endless(values)
        samples, mean = len(values), float(np.mean(values))
        around = values - mean
        largest = float(np.max(np.abs(around)))
        if samples < 2 or not largest:
            return Differences(mean, 0.0, 0.0, samples, samples - 1)
        around = around / largest  # of which no power is too large for a number
        square = float(np.mean(around**2))
        skewness = float(np.mean(around**3)) / square**1.5
        error = largest * sqrt(square / (samples - 1))
        return Differences(mean, error, skewness, samples, _freedom(around, square))

    def bounds(self, alpha: float) -> tuple[float, float]:
        """The ends of the interval with `alpha` outside, half on either side.

        Of a single sample they are infinite: it says nothing of what another one would give.
        """
        if self.samples < 2:
            return -inf, inf
        if not self.error:
            return self.change, self.change
        t = t_quantile(1 - alpha / 2, self.freedom)
        low, high = max(t, self._unskewed(t)), min(-t, self._unskewed(-t))
        return self.change - self.error * low, self.change - self.error * high

    def samples_to_decide(self, null: float, alpha: float) -> int | None:
        """How many samples would put an end of that interval at `null`, were their spread the same.

        None where no number would, as the change is `null` itself, and of a single sample, which
        shows no spread.
        """
        distance = abs(self.change - null)
        if self.samples < 2 or not distance:
            return None
        if not self.error:
            return self.samples
        enough = samples_needed(self.samples, distance / self.error, alpha)
        if enough is None:
            return None
        too_few, enough = 1, max(2, enough)  # by the normal distribution, with no long tail
        while not self._of_as_many(enough)._excludes(null, alpha):
            too_few, enough = enough, 2 * enough
        while enough - too_few > 1:
            between = (too_few + enough) // 2
            if self._of_as_many(between)._excludes(null, alpha):
                enough = between
            else:
                too_few = between
        return enough

    def _excludes(self, null: float, alpha: float) -> bool:
        low, high = self.bounds(alpha)
        return not low <= null <= high

    def _of_as_many(self, samples: int) -> Differences:
        """The same of more or fewer samples that are distributed as these."""
        ratio = samples / self.samples
        freedom = max(1.0, min(samples - 1.0, self.freedom * ratio))
        return replace(self, error=self.error / sqrt(ratio), samples=samples, freedom=freedom)

    def _unskewed(self, t: float) -> float:
        """The quantile of the studentised mean that a symmetric one would have at `t`."""
        lean = self.skewness / sqrt(self.samples)
        if abs(lean) < _STRAIGHT:
            return t
        return float(3 / lean * (special.cbrt(1 + lean * (t - lean / 6)) - 1))


def _freedom(around: NDArray[np.float64], square: float) -> float:
    """How many degrees a variance is worth that is known as well as this one, by its kurtosis.

    Half of what moments say (Satterthwaite, Biometrics Bulletin 2, 1946), since few samples show
    too little of a long tail (simulated); never more than of normal numbers.
    """
    beyond = float(np.mean(around**4)) / square**2 - 1
    most = len(around) - 1.0
    return max(1.0, min(most, len(around) / beyond)) if beyond > 0 else most


def sign_flip_p(values: NDArray[Any]) -> float:
    """Two-sided p-value: how often random signs give a sum at least as far from 0; never 0.

    `values` is one difference a sample. Exact for up to 15 that differ; of more, the signs of the
    15 largest are gone through and the sum of all others is taken as normal, which it is closely:
    none of them is large beside the rest, and its tails are lighter than normal ones (I. Pinelis,
    Annals of Statistics 22, 1994). Raises ValueError where one is not finite.
    """
    if not len(values):
        return 1.0
    _refuse_endless(values)
    values = np.asarray(values[values != 0], np.float64)
    if not len(values):
        return 1.0
    values = values / np.abs(values).max()
    sizes = np.sort(np.abs(values))[::-1]
    at = abs(float(values.sum())) - _ROUNDING * float(sizes.sum())
    largest, others = sizes[:_EXACT], sizes[_EXACT:]
    sums = np.zeros(1)
    for size in largest:
        sums = np.concatenate([sums + size, sums - size])
    spread = sqrt(float(np.sum(others**2)))
    if not spread:
        return max(_TINY, float(np.mean(np.abs(sums) >= at)))
    reached = at - float(others[-1])  # steps of equal differences count from their edge
    chance = float(np.mean(special.ndtr((sums - reached) / spread)))
    return min(1.0, max(_TINY, 2 * chance))


def _refuse_endless(values: NDArray[Any]) -> None:
    """Raises ValueError where there is no number, or one that is not finite."""
    if not len(values):
        raise ValueError("there are no scores")
    odd = np.flatnonzero(~np.isfinite(values))
    if len(odd):
        raise ValueError(
            f"the score of {len(odd):,} of {len(values):,} samples is no finite number, the first "
            f"is sample {odd[0]}"
        )


def mean_over_seeds(values: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    """(N,) of an array (N,) for each seed."""
    return np.mean(np.asarray(values, np.float64), axis=0)
