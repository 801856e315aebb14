"""Histories whose noise is correlated from run to run: false marks, and steps that are found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compbench.statistics.change_points import Demands, levels
from compbench.statistics.correlated_noise import noise
from tests.simulations.rate import Rate

STEP = 5  # standard deviations of the noise
DEMANDS = Demands(least=2, floor=0, searches=1)  # one variant, without an A/A floor


def starts(values: np.ndarray) -> list[int]:
    """Where the level steps."""
    return [level.start for level in levels(values, np.zeros(len(values)), DEMANDS)[1:]]


def rates(trials: int) -> Sequence[Rate]:
    """Unchanged, with a step in the middle, and with one that is taken back."""
    found = []
    for runs, correlation in [(n, r) for n in (10, 20, 30) for r in (0, 0.3, 0.5, 0.7)]:
        random = np.random.default_rng([runs, round(10 * correlation)])
        where = f"{runs} runs, neighbours correlated by {correlation:g}"
        marked = sum(starts(x) != [] for x in noise(random, trials, runs, correlation))
        found.append(Rate("an unchanged history has a mark", where, marked, trials, 0.05))
        if correlation in (0, 0.7) and runs in (10, 30):
            found += _found(random, runs, correlation, trials)
    return found


def _found(
    random: np.random.Generator, runs: int, correlation: float, trials: int
) -> Sequence[Rate]:
    where = f"{runs} runs, neighbours correlated by {correlation:g}"
    first, back = runs // 2, runs - runs // 4
    stepped = noise(random, trials, runs, correlation)
    stepped[:, first:] += STEP
    once = sum(_are(starts(x), first) for x in stepped)
    stepped[:, back:] -= STEP
    twice = sum(_are(starts(x), first, back) for x in stepped)
    return (
        Rate(f"a step of {STEP} sd is found, and no other", where, once, trials),
        Rate(f"one of {STEP} sd and back is found", where, twice, trials),
    )


def _are(found: list[int], *true: int) -> bool:
    return len(found) == len(true) and all(
        abs(a - b) <= 1 for a, b in zip(found, true, strict=True)
    )
