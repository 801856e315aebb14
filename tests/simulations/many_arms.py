"""A/A of a control beside ever more arms: all in one turn, or in groups around the baseline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from compbench.measure.groups import grouped
from tests.simulations.rate import Rate

LAUNCHES, TURNS = 5, 250  # 0.4 s an arm
ARM_NS = 1_600_000.0  # one arm's part of a turn
NOISE_NS, SPREAD = 1e8, 0.03  # the noise of the whole machine, correlated over 100 ms
LIMIT = 0.001


def rates(trials: int) -> Sequence[Rate]:
    """How often the control seems to differ from the baseline, which it is."""
    random = np.random.default_rng(0)
    found = []
    for arms, in_groups in ((126, False), (126, True), (1000, True)):
        off = int(np.count_nonzero(np.abs(ratios(trials, arms, in_groups, random)) > LIMIT))
        how = "in groups" if in_groups else "in one turn, as it was"
        limit = 0.05 if in_groups else None
        what = f"an A/A ratio is off by more than {100 * LIMIT:g} %"
        found.append(Rate(what, f"{arms} arms {how}", off, trials, limit))
    return found


def half_width(arms: int, in_groups: bool) -> float:
    """What 95 % of the A/A log-ratios lie within."""
    return float(np.quantile(np.abs(ratios(500, arms, in_groups, np.random.default_rng(1))), 0.95))


def ratios(
    trials: int, arms: int, in_groups: bool, random: np.random.Generator
) -> NDArray[np.float64]:
    """The control's log-ratio: the mean over launches of the median over turns."""
    size = _group(arms, random) if in_groups else arms
    shape = (trials * LAUNCHES, TURNS)
    place = random.integers(0, size, shape)
    other = (place + random.integers(1, size, shape)) % size
    apart_ns = np.abs(place - other) * ARM_NS
    kept = np.exp(-apart_ns / NOISE_NS)
    ours = random.normal(0, SPREAD, shape)
    beside = kept * ours + np.sqrt(1 - kept**2) * random.normal(0, SPREAD, shape)
    return np.median(beside - ours, axis=1).reshape(trials, LAUNCHES).mean(axis=1)


def _group(arms: int, random: np.random.Generator) -> int:
    """How many share the control's turns."""
    turn_ns = {f"arm{i}": ARM_NS for i in range(arms)}
    groups = grouped(turn_ns, dict.fromkeys(turn_ns, "arm0"), random)
    return max(len(group) for group in groups if "arm1" in group)
