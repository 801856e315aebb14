"""The smallest difference in speed that runs like this one would find; pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import expm1, inf, log, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from compbench.statistics.distributions import t_quantile
from compbench.statistics.intervals import ALPHA, CONFIDENCE

LARGEST = 100  # times: who takes so much longer needs no test
FOUND = 0.9  # the share of runs that find it, at least
_ERROR = 0.005  # of such a share among as many simulated runs as ...
_RUNS, _ARMS = 5_000, 8  # ... these; more arms say the same


class SmallestDifference(NamedTuple):
    """A share: 0.046 for a model that takes 4.6 % longer, and what it rests on.

    Infinite where not even `LARGEST` times as long would be found.
    """

    share: float
    launches: int
    comparisons: int


def smallest_difference(
    arms: Sequence[Sequence[float]], comparisons: int
) -> SmallestDifference | None:
    """What nine of ten runs of as many launches call a difference; None of a single launch.

    `arms` are the log-ratios of each variant and of the control, by launch: their median spread is
    what the chance is computed with. Of many comparisons it is the chance of the least certain one.
    """
    launches = max(map(len, arms), default=0)
    if launches < 2 or not comparisons:
        return None
    spreads = [float(np.std(logs, ddof=1)) for logs in arms if len(logs) == launches]
    needed = _needed(launches, comparisons, min(len(spreads), _ARMS))
    size = float(np.quantile(needed, FOUND + _ERROR)) * float(np.median(spreads))
    share = expm1(size) if size < log(LARGEST) else inf
    return SmallestDifference(share, launches, comparisons)


def chance(log_ratio: float, spread: float, launches: int, comparisons: int = 1) -> float:
    """How often a run finds a difference, where the launches' log-ratios have this spread."""
    mean, threshold, _ = _runs(launches, comparisons, 1)
    return float(np.mean(mean + abs(log_ratio) / spread > threshold))


def _needed(launches: int, comparisons: int, arms: int) -> NDArray[np.float64]:
    """In many runs: the difference that would be found, over the spread that another run shows."""
    mean, threshold, shown = _runs(launches, comparisons, arms)
    return (threshold - mean) / np.roll(shown, 1)


@lru_cache(maxsize=8)
def _runs(
    launches: int, comparisons: int, arms: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Runs without any difference, in units of the spread: a variant's mean log-ratio, how far from
    0 it must be to be called a difference (its t-test, corrected; the control's interval), and the
    median spread of the arms. A ratio's spread is of both its sides: all share the baseline's.
    """
    random = np.random.default_rng(0)
    noise = random.normal(0, sqrt(0.5), (max(arms, 2) + 1, _RUNS, launches))
    logs = noise[1:] - noise[0]
    means, errors = logs.mean(axis=2), logs.std(axis=2, ddof=1)
    alone, corrected = (
        t_quantile(1 - alpha / 2, launches - 1) / sqrt(launches)
        for alpha in (1 - CONFIDENCE, ALPHA / comparisons)
    )
    control = np.abs(means[1]) + alone * errors[1]
    threshold = np.maximum(corrected * errors[0], control)
    return means[0], threshold, np.median(errors[:arms], axis=0)
