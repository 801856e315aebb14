"""A series of values -> where its level steps; pure.

Where values are noisy, one step after the other is looked for, and noise that is correlated from
run to run is reckoned with (see `correlated_noise`). Where they are exact PELT proposes all. In
either case a t-test confirms, which also knows the values' own errors.
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

from compbench.statistics.correlated_noise import further, resolved
from compbench.statistics.distributions import normal_quantile, t_tail
from compbench.statistics.intervals import ALPHA

_LEAST_FOR_NOISE = 4  # values
_SAME = 0.25  # a share of the differences that are surely no steps
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
    5 % / `searches` (Bonferroni's correction for all series that are looked through).

    A level of a single value is one of exact values: measured again they are the same.
    """

    least: int
    floor: float
    searches: int

    def alpha(self, count: int) -> float:
        """The level of a single test; of exact values each of `count` places is one."""
        places = count - 1 if self.least == 1 else 1
        return ALPHA / self.searches / max(1, places)


def smallest(count: int, demands: Demands) -> float | None:
    """The smallest step that so many noisy values mostly show, in standard deviations of noise."""
    return resolved(count, demands.least, demands.alpha(count))


def levels(values: Values, errors: Values, demands: Demands) -> list[Level]:
    """The levels of a series, one where nothing steps; `errors` are the values' standard errors.

    A step is tested with the spread inside all levels, or with the values' own errors in the two
    levels where these are larger: a disturbed run says so itself.
    """
    if not len(values):
        return []
    series, own = np.asarray(values, float), np.square(np.asarray(errors, float))
    floor, least = demands.floor, demands.least
    alpha = demands.alpha(len(series))
    starts = _exact(series) if least == 1 else _noisy(series, least, alpha)
    while True:
        found = [
            Level(a, b, float(series[a:b].mean())) for a, b in pairwise([*starts, len(series)])
        ]
        doubts = _doubts(series, own, found, floor)
        if not doubts or max(doubts) < alpha:
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


def _noisy(series: NDArray, least: int, alpha: float) -> list[int]:
    """Where levels begin: the likeliest step again and again, as long as it is no chance."""
    starts = [0]
    while found := further(series, tuple(starts[1:]), least, alpha):
        starts = sorted([*starts, *found])
    return starts


def _exact(series: NDArray) -> list[int]:
    """Where levels may begin, by PELT with BIC's penalty and costs for normal noise."""
    from ruptures import Pelt

    if len(series) < 2 or np.ptp(series) == 0:
        return [0]
    deviation = max(_deviation(series), _RESOLUTION * float(np.ptp(series)))
    search = Pelt(model="l2", min_size=1, jump=1).fit(series)
    return [0, *search.predict(pen=2 * deviation**2 * log(len(series)))[:-1]]


def _deviation(series: NDArray) -> float:
    """Of the noise, from differences of neighbours: most values are exactly as before.

    Of very few one can't tell.
    """
    if len(series) < _LEAST_FOR_NOISE:
        return 0.0
    typical = np.quantile(np.abs(np.diff(series)), _SAME, method="lower")
    return float(typical / (sqrt(2) * normal_quantile((1 + _SAME) / 2)))
