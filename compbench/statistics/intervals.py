"""Estimates with their intervals: accuracies, time ratios; pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from compbench.statistics.crossed_effects import CrossedMean
from compbench.statistics.distributions import normal_quantile, t_quantile

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
    z = normal_quantile(0.5 + CONFIDENCE / 2)
    centre = (mean + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * sqrt(mean * (1 - mean) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    return Interval(mean, max(0.0, min(mean, centre - half)), min(1.0, max(mean, centre + half)))


def widened(files: Interval, crossed: CrossedMean, alpha: float = ALPHA) -> Interval:
    """The interval of files, and what training again adds to it."""
    low, high = crossed.bounds(alpha)
    return Interval(files.value, min(low, files.low), max(high, files.high))


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
