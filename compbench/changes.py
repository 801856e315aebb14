"""How two measurements differ: a change, its interval and its p-value; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from compbench.intervals import CONFIDENCE, Interval, accuracy_interval, paired_change

LEVEL = 1 - CONFIDENCE
RESOLUTION = 1e-9  # of a log-ratio's standard error: clocks of nanoseconds tell no more
Correct = Sequence[NDArray[np.uint8]]  # for each seed a 0/1 array (N,)


@dataclass(frozen=True)
class Change:
    """A difference or a ratio with its 95 % interval.

    `p_value` is how often chance alone gives one as large; `adjusted` the same after Holm's
    correction for the comparisons made beside it. `is_beyond_noise` is whether the A/A control
    leaves room for it. `is_significant` needs both.
    """

    interval: Interval
    p_value: float
    is_beyond_noise: bool = True
    adjusted: float = 1.0

    @property
    def is_significant(self) -> bool:
        """Whether one may say that something changed."""
        return self.is_beyond_noise and self.adjusted <= LEVEL


def paired_accuracy(a: Correct, b: Correct) -> Change:
    """Accuracy of b minus that of a on the same N images, seed by seed."""
    totals = np.sum(np.asarray(b, np.int64) - np.asarray(a, np.int64), axis=0)
    return Change(paired_change(b, a), sign_flip(totals))


def unpaired_accuracy(a: Correct, b: Correct) -> Change:
    """Accuracy of b minus that of a on images that may not be the same.

    Newcombe's interval from the two Wilson intervals (method 10; Statistics in Medicine 17, 1998)
    and the z-test of two shares (pooled). Seeds share their images, so they are averaged.
    """
    ours, theirs = accuracy_interval(b), accuracy_interval(a)
    value = ours.value - theirs.value
    low = value - sqrt((ours.value - ours.low) ** 2 + (theirs.high - theirs.value) ** 2)
    high = value + sqrt((ours.high - ours.value) ** 2 + (theirs.value - theirs.low) ** 2)
    counts = len(b[0]), len(a[0])
    pooled = (ours.value * counts[0] + theirs.value * counts[1]) / sum(counts)
    error = sqrt(pooled * (1 - pooled) * sum(1 / count for count in counts))
    p_value = 2 * float(stats.norm.sf(abs(value) / error)) if error else 1.0
    return Change(Interval(value, low, high), p_value)


def sign_flip(differences: NDArray[np.int64]) -> float:
    """Two-sided p-value: how often random signs give a sum at least as far from 0; exact.

    With one seed (differences of -1, 0 and 1) this is McNemar's exact test.
    """
    sizes, counts = np.unique(np.abs(differences[differences != 0]), return_counts=True)
    chances = np.ones(1)  # of the sum of the positive ones
    for size, count in zip(sizes, counts, strict=True):
        steps = np.zeros(size * count + 1)
        steps[::size] = stats.binom.pmf(np.arange(count + 1), count, 0.5)
        chances = np.convolve(chances, steps)
    sums = 2 * np.arange(len(chances)) - (len(chances) - 1)
    extreme = np.abs(sums) >= abs(int(differences.sum()))
    return min(1.0, float(chances[extreme].sum()))


def ratio_of_ratios(a: Sequence[float], b: Sequence[float], floor: float | None) -> Change | None:
    """Speed-up in b over that in a, from one log speed-up for each of their launches.

    Welch's t-interval and test: the launches of two runs are independent, and their spreads may
    differ. `floor` is the least |log-ratio| that the A/A controls leave room for, None if unknown.
    """
    if len(a) < 2 or len(b) < 2:
        return None
    mean = float(np.mean(b) - np.mean(a))
    squares = [max(float(np.var(s, ddof=1)) / len(s), RESOLUTION**2) for s in (a, b)]
    error = sqrt(sum(squares))
    freedom = error**4 / sum(
        square**2 / (len(s) - 1) for square, s in zip(squares, (a, b), strict=True)
    )
    return _ratio(mean, error, freedom, floor)


def side_by_side(time_ratio: Interval, launches: int, control: Interval) -> Change:
    """Speed of b over that of a, from the ratio of their times that a gate measured."""
    half = (log(time_ratio.high) - log(time_ratio.low)) / 2
    error = max(half / float(stats.t.ppf(0.5 + CONFIDENCE / 2, launches - 1)), RESOLUTION)
    return _ratio(-log(time_ratio.value), error, launches - 1, reach(control))


def reach(control: Interval) -> float:
    """How far from 1 an A/A control's interval goes, as |log-ratio|."""
    return max(abs(log(control.low)), abs(log(control.high)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: calling those up to 5 % significant errs in 5 % of families at most.

    Source: Holm, Scandinavian Journal of Statistics 6, 1979.
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(np.argsort(p_values)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def _ratio(mean: float, error: float, freedom: float, floor: float | None) -> Change:
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom)) * error
    p_value = 2 * float(stats.t.sf(abs(mean) / error, freedom))
    interval = Interval(exp(mean), exp(mean - half), exp(mean + half))
    return Change(interval, p_value, floor is not None and abs(mean) > floor)
