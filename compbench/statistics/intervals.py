"""Estimates with their intervals: accuracies, changes, time ratios; pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from compbench.statistics.distributions import normal_quantile, t_quantile
from compbench.statistics.paired_proportions import Disagreement

CONFIDENCE = 0.95
ALPHA = 1 - CONFIDENCE


class Interval(NamedTuple):
    """An estimate with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def accuracy_interval(correct: Sequence[NDArray[np.uint8]]) -> Interval:
    """Mean accuracy over seeds, with Wilson's interval for the one set of test samples.

    `correct` is a 0/1 array (N,) for each seed. The seeds share the N samples, so they don't count
    as more of them; their own spread is told apart. Source: Wilson, JASA 22, 1927.
    """
    mean, count = float(np.mean(correct)), len(correct[0])
    return Interval(mean, *_wilson(round(mean * count), count))


def _wilson(right: int, count: int) -> tuple[float, float]:
    z2 = normal_quantile(0.5 + CONFIDENCE / 2) ** 2
    middle = (right + z2 / 2) / (count + z2)
    half = sqrt(z2 * right * (count - right) / count + z2**2 / 4) / (count + z2)
    low = 0.0 if right == 0 else middle - half
    return low, 1.0 if right == count else middle + half


def paired_change(
    correct: Sequence[NDArray[np.uint8]],
    baseline: Sequence[NDArray[np.uint8]],
    alpha: float = ALPHA,
) -> Interval:
    """Accuracy difference on the same N samples, averaged over seeds: of these files, not of seeds.

    The interval is of other samples alone, by default 95 % (see `paired_proportions`).
    """
    found = Disagreement.of(correct, baseline)
    return Interval(found.change, *found.bounds(alpha))


def log_ratio_interval(log_ratios: Sequence[float]) -> Interval | None:
    """The ratio exp(mean) with a t-interval over launches, from one log-ratio a launch."""
    if len(log_ratios) < 2:
        return None
    mean = float(np.mean(log_ratios))
    error = float(np.std(log_ratios, ddof=1)) / sqrt(len(log_ratios))
    half = t_quantile(0.5 + CONFIDENCE / 2, len(log_ratios) - 1) * error
    return Interval(exp(mean), exp(mean - half), exp(mean + half))


def distinguishable(speedup: Interval | None, control: Interval | None, p: float = 0.0) -> int:
    """+1 where the variant is faster, -1 slower, 0 where noise could explain the difference.

    The interval must lie on one side of 1, its p-value (adjusted for many comparisons) below 0.05,
    and the ratio be farther from 1 than the A/A control's interval reaches.
    """
    if speedup is None or control is None or p >= ALPHA:
        return 0
    if abs(log(speedup.value)) <= reach(control):
        return 0
    return side(speedup, 1)


def reach(control: Interval) -> float:
    """How far from 1 an A/A control's interval goes, as |log-ratio|."""
    return max(abs(log(control.low)), abs(log(control.high)))


def side(interval: Interval, null: float) -> int:
    """+1 or -1 where the whole interval is above or below `null`, else 0."""
    return int(interval.low > null) - int(interval.high < null)
