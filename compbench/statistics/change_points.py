"""A series of values -> where its level steps; pure.

PELT proposes, by L1 costs where values are noisy: one odd run does not move these; a t-test
confirms.
Sources: Killick, Fearnhead and Eckley, JASA 107, 2012; Truong, Oudre and Vayatis, Signal
Processing 167, 2020 (the library ruptures).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from compbench.statistics.distributions import normal_quantile, t_tail
from compbench.statistics.intervals import ALPHA

_LEAST_FOR_NOISE = 4  # values
_RESOLUTION = 1e-6  # of their range: the least deviation that is taken for noise
Values = Sequence[float] | NDArray[np.float64]


@dataclass(frozen=True)
class Level:
    """A stretch of values, from index `start` up to `end` (excluded), and their mean."""

    start: int
    end: int
    mean: float

    @property
    def count(self) -> int:
        """How many values it has."""
        return self.end - self.start


@dataclass(frozen=True)
class Demands:
    """What a step must be: beyond `floor`, between levels of `least` values or more, and sure at
    5 % / `tests` (Bonferroni's correction for all the places where a step could be)."""

    least: int
    floor: float
    tests: int


def levels(values: Values, errors: Values, demands: Demands) -> list[Level]:
    """The levels of a series, one where nothing steps; `errors` are the values' standard errors.

    A step is tested with the spread inside all levels, or with the values' own errors in the two
    levels where these are larger: a disturbed run says so itself.
    """
    if not len(values):
        return []
    series, own = np.asarray(values, float), np.square(np.asarray(errors, float))
    floor, least = demands.floor, demands.least
    starts = _proposed(series, least)
    while True:
        found = [
            Level(a, b, float(series[a:b].mean())) for a, b in pairwise([*starts, len(series)])
        ]
        doubts = _doubts(series, own, found, floor)
        if not doubts or max(doubts) < ALPHA / demands.tests:
            return found
        del starts[1 + doubts.index(max(doubts))]


def _doubts(series: NDArray, own: NDArray, found: list[Level], floor: float) -> list[float]:
    """For each step its p-value, 1 + what it lacks where it is not beyond the floor."""
    inside = sum(float(((series[x.start : x.end] - x.mean) ** 2).sum()) for x in found)
    freedom = len(series) - len(found)
    variance = inside / freedom if freedom else 0.0
    doubts = []
    for one, other in pairwise(found):
        size = abs(other.mean - one.mean)
        error = sqrt(
            sum(max(variance, own[x.start : x.end].mean()) / x.count for x in (one, other))
        )
        if size <= floor:
            doubts.append(1 + floor - size)
        elif error == 0:
            doubts.append(0.0)
        else:
            doubts.append(2 * t_tail(size / error, freedom))
    return doubts


def _proposed(series: NDArray, least: int) -> list[int]:
    """Where levels may begin, by PELT with BIC's penalty.

    L1 costs for Laplace noise; ruptures gives these to levels of two values or more, so where one
    is enough it is L2 for normal noise.
    """
    from ruptures import Pelt

    count = len(series)
    if count < 2 * least or np.ptp(series) == 0:
        return [0]
    deviation = max(_deviation(series, least), _RESOLUTION * float(np.ptp(series)))
    model, scale = ("l1", deviation / sqrt(2)) if least > 1 else ("l2", 2 * deviation**2)
    search = Pelt(model=model, min_size=least, jump=1).fit(series)
    return [0, *search.predict(pen=scale * log(count))[:-1]]


def _deviation(series: NDArray, least: int) -> float:
    """Of the noise, from differences of neighbours: few of them are steps.

    Where one value is a level, most are exactly as before; of very few one can't tell.
    """
    is_exact = least == 1
    if is_exact and len(series) < _LEAST_FOR_NOISE:
        return 0.0
    share = 0.25 if is_exact else 0.5
    typical = np.quantile(np.abs(np.diff(series)), share, method="lower" if is_exact else "linear")
    return float(typical / (sqrt(2) * normal_quantile((1 + share) / 2)))
