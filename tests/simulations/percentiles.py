"""Percentiles of latencies with bursts: whether the interval holds the true one, where it is given.

Runs are lognormal; in bursts of 0.1 s on average all of them are slower by half.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from compbench.statistics.percentiles import NOISE_NS, percentile, stretches
from tests.simulations.rate import Rate

BIAS, SPREAD, SLOWER = 0.01, 0.03, 1.5  # of a launch, of a run; of a burst
KEPT = 3
PROMISED = 0.93  # of 95 %


class Case(NamedTuple):
    """What a suite asks for."""

    share: float  # of the percentile
    launches: int
    turns: int
    seconds: float  # of a launch

    def text(self, busy: float) -> str:
        """With the share of time that is slow."""
        where = f"{self.launches} launches of {self.seconds:g} s, {self.turns} turns"
        return f"{where}, bursts {100 * busy:g} %"


CASES = (
    Case(0.90, 5, 160, 2.1),
    Case(0.90, 3, 250, 3.4),
    Case(0.99, 5, 250, 20.5),
    Case(0.99, 5, 400, 20.5),
)
BURSTS = (0.012, 0.12)
AS_IT_WAS = Case(0.99, 5, 45, 1.0)  # 675 runs, of which a plain quantile was given


def rates(trials: int) -> Sequence[Rate]:
    """How often the interval holds the truth."""
    random = np.random.default_rng(0)
    found = []
    for case in CASES:
        for busy in BURSTS:
            intervals = [_estimated(case, runs) for runs in _durations(case, busy, trials, random)]
            given = [interval for interval in intervals if interval is not None]
            truth = _true(case.share, busy)
            held = sum(interval[1] <= truth <= interval[2] for interval in given)
            what = f"the interval of p{100 * case.share:.0f} holds the true one"
            found.append(Rate(what, case.text(busy), held, len(given), PROMISED, at_least=True))
    plain = np.quantile(
        _durations(AS_IT_WAS, BURSTS[0], trials, random).reshape(trials, -1), 0.99, axis=1
    )
    off = sum(_beyond(float(np.log(ns / 1e6)), BURSTS[0]) > 0.015 for ns in plain)
    what = "the true tail of a plain p99 is over 1.5 times nominal, as it was"
    found.append(Rate(what, AS_IT_WAS.text(BURSTS[0]), off, trials))
    return found


def _estimated(case: Case, runs: NDArray[np.int64]) -> tuple[float, float, float] | None:
    """What a run says."""
    span_ns = dict.fromkeys(range(case.launches), int(case.seconds * 1e9))
    seen = stretches(dict.fromkeys(range(case.launches), case.turns), span_ns)
    return percentile(dict(enumerate(runs)), seen, case.share)


def _true(share: float, busy: float) -> float:
    """The quantile of all runs of all launches, in ns."""
    found = optimize.root_scalar(lambda x: 1 - share - _beyond(x, busy), bracket=(-1, 2))
    return 1e6 * float(np.exp(found.root))


def _beyond(log: float, busy: float) -> float:
    spread = float(np.hypot(BIAS, SPREAD))
    usual, slow = stats.norm.sf([log / spread, (log - np.log(SLOWER)) / spread])
    return float((1 - busy) * usual + busy * slow)


def _durations(
    case: Case, busy: float, trials: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """(trials, launches, runs) in ns: bursts begin and end at random, and go on over turns."""
    count = trials * case.launches
    ends = 1 - np.exp(-case.seconds * 1e9 / case.turns / NOISE_NS)
    begins = ends * busy / (1 - busy)
    slow = np.empty((case.turns, count), bool)
    now = random.random(count) < busy
    for turn in range(case.turns):
        slow[turn] = now
        now = np.where(now, random.random(count) > ends, random.random(count) < begins)
    logs = random.normal(0, SPREAD, (count, case.turns, KEPT))
    logs += slow.T[:, :, None] * np.log(SLOWER) + random.normal(0, BIAS, (count, 1, 1))
    return (1e6 * np.exp(logs)).astype(np.int64).reshape(trials, case.launches, -1)
