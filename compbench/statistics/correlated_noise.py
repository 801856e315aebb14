"""Where a series steps, if at all, and how often correlated noise alone would look like it; pure.

Runs that follow each other share a machine's state, so their noise is correlated: a t-test for
independent values called 82 % of unchanged histories changed where neighbours correlate by 0.5.
Here the noise is autoregressive of order one, and its correlation is estimated together with the
step and without it. What decides is the gain in likelihood by the step; how large a gain chance
gives is simulated a bit above the largest correlation that is reckoned with, where it is largest.

Sources: Davis, Huang and Yao, Annals of Statistics 23, 1995; Robbins, Gallagher, Lund and Aue,
Journal of Time Series Analysis 32, 2011.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

CORRELATION = 0.7  # of neighbours, at most; above it false marks become more frequent
_SIMULATED = 0.8  # a bit more
_CORRELATIONS = np.round(np.arange(0, _SIMULATED + 0.01, 0.1), 1)
_RESOLUTION = 1e-6  # of the values' range: less spread than this is taken for none
_SHARES = {False: 0.8, True: 0.2}  # of the chance of a false mark: single steps, pulses
_ARITHMETIC, _FEWEST = 3e6, 1_000  # simulated series: fewer where much is tried,
_MOST = {False: 10_000, True: 1_000}  # or where steps are known
_TAIL = 0.05  # the share of simulated gains whose excess tells how they go on
POWER = 0.8  # a step that "is found" is found so often
_LARGEST, _TRIED = 20, 200  # standard deviations; series
_LONG = 200  # values: of more, noise alone hardly gains more
_PULSES, _SHORTEST = 3_000, 8  # tried in a long series are only the short ones


@dataclass(frozen=True)
class Shape:
    """A series of `count` values, where it is known to step, and what else it might do.

    One more step, or a pulse: there and back again, which hides from a search for single steps.
    """

    count: int
    steps: tuple[int, ...] = ()
    least: int = 2  # values of a level
    is_pulse: bool = False

    @cached_property
    def candidates(self) -> list[tuple[int, ...]]:
        """The places of one more step, or the first and last of a pulse."""
        edges = (0, *self.steps, self.count)
        every = range(self.least, self.count - self.least + 1)
        places = [place for place in every if min(abs(place - x) for x in edges) >= self.least]
        if not self.is_pulse:
            return [(place,) for place in places]
        longest = max(_SHORTEST, _PULSES // self.count)
        return [x for x in combinations(places, 2) if self.least <= x[1] - x[0] <= longest]

    def gains(
        self, series: NDArray[np.float64], resolution: float = 0.0
    ) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Of each series (one a row): the gain in log-likelihood, and by which candidate."""
        rows, half = np.arange(len(series)), self.count / 2
        without, best = np.full((2, len(series)), -np.inf)
        which = np.zeros(len(series), np.intp)
        for correlation in _CORRELATIONS:
            levels, steps = _design(self, float(correlation))
            values = _whitened(series, correlation)
            rest = (values**2).sum(axis=1) - ((values @ levels) ** 2).sum(axis=1)
            explained = (values @ steps) ** 2
            at = explained.argmax(axis=1)
            scale = 0.5 * np.log(1 - correlation**2)
            less = np.maximum(rest - explained[rows, at], resolution)
            without = np.maximum(without, scale - half * np.log(np.maximum(rest, resolution)))
            found = scale - half * np.log(less)
            which = np.where(found > best, at, which)
            best = np.maximum(best, found)
        return best - without, which


@lru_cache(maxsize=4 * len(_CORRELATIONS))
def _short_design(
    shape: Shape, correlation: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return _made_design(shape, correlation)


def _design(shape: Shape, correlation: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The known levels, and each candidate orthogonal to them; of long series not kept."""
    make = _short_design if shape.count <= _LONG else _made_design
    return make(shape, correlation)


def _made_design(
    shape: Shape, correlation: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    at = np.arange(shape.count)
    known = np.array([at >= x for x in (0, *shape.steps)], float)
    ends = [(*x, shape.count)[:2] for x in shape.candidates]
    more = np.array([(at >= first) & (at < end) for first, end in ends], float)
    levels = np.linalg.qr(_whitened(known, correlation).T)[0]
    steps = _whitened(more, correlation).T
    steps -= levels @ (levels.T @ steps)
    return levels, steps / np.linalg.norm(steps, axis=0)


def further(
    series: NDArray[np.float64], steps: tuple[int, ...], least: int, alpha: float
) -> tuple[int, ...]:
    """Where the series steps besides, in one place or two; empty where it may be noise.

    `alpha` is the chance to find any in noise alone.
    """
    if np.ptp(series) == 0:
        return ()
    # centred and scaled, so that rounding is nothing beside the resolution
    scaled = ((series - series.mean()) / np.ptp(series))[None]
    for is_pulse, share in _SHARES.items():
        shape = Shape(len(series), steps, least, is_pulse)
        if shape.candidates:
            gains, which = shape.gains(scaled, resolution=_RESOLUTION**2)
            if chance(shape, float(gains[0])) < share * alpha:
                return shape.candidates[which[0]]
    return ()


def chance(shape: Shape, gain: float) -> float:
    """How often noise alone gains as much: 1 where that is not rare; the tail is exponential."""
    edge, excess = _tail(shape)
    return _TAIL * float(np.exp(-(gain - edge) / excess)) if gain > edge else 1.0


@lru_cache(maxsize=256)
def _tail(shape: Shape) -> tuple[float, float]:
    """Where the largest simulated gains of noise alone begin, and by how much they exceed it.

    Known steps take part as levels, so their size is nothing to it.
    """
    if shape.count > _LONG:
        return _tail(replace(shape, count=_LONG, steps=()))
    most = _MOST[bool(shape.steps)]
    trials = int(np.clip(_ARITHMETIC / len(shape.candidates), _FEWEST, most))
    random = np.random.default_rng([shape.count, *shape.steps])
    gains = shape.gains(noise(random, trials, shape.count, _SIMULATED))[0]
    edge = float(np.quantile(gains, 1 - _TAIL))
    return edge, float(gains[gains > edge].mean()) - edge


@lru_cache(maxsize=256)
def resolved(count: int, least: int, alpha: float) -> float | None:
    """The smallest step amid so many values that is found in `POWER` of cases, in the noise's sd.

    To half an sd; None where not even one of `_LARGEST` is.
    """
    shape = Shape(count, (), least)
    if not shape.candidates:
        return None
    edge, excess = _tail(shape)
    needed = edge + excess * np.log(_TAIL / (_SHARES[False] * alpha))
    values = noise(np.random.default_rng(count), _TRIED, count, 0.0)
    for size in np.arange(1, _LARGEST + 0.5, 0.5):
        stepped = values + size * (np.arange(count) >= count // 2)
        if (shape.gains(stepped)[0] > needed).mean() >= POWER:
            return float(size)
    return None


def noise(
    random: np.random.Generator, trials: int, count: int, correlation: float
) -> NDArray[np.float64]:
    """Stationary normal noise of deviation 1, autoregressive of order one: a series a row."""
    found = random.standard_normal((trials, count))
    for at in range(1, count):
        found[:, at] *= np.sqrt(1 - correlation**2)
        found[:, at] += correlation * found[:, at - 1]
    return found


def _whitened(series: NDArray[np.float64], correlation: float) -> NDArray[np.float64]:
    """Each value less what the one before says of it: independent, were this the correlation."""
    found = series.copy()
    found[:, 1:] -= correlation * series[:, :-1]
    found[:, 0] *= np.sqrt(1 - correlation**2)
    return found
