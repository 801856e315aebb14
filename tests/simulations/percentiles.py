"""Percentiles of latencies with bursts: whether the interval holds the true one, where it is given.

Runs are lognormal; in bursts of 0.1 s on average all of them are slower by half.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from compbench.statistics.percentiles import NOISE_NS, percentile, stretches
from tests.simulations.rate import Rate

BIAS, SPREAD, SLOWER = 0.01, 0.03, 1.5  # of a launch, of a run; of a burst
KEPT = 3
PROMISED = 0.93  # of 95 %
CASES = (  # percentile, launches, turns, seconds of a launch
    (0.90, 5, 160, 2.1),
    (0.90, 3, 250, 3.4),
    (0.99, 5, 250, 20.5),
    (0.99, 5, 1_000, 20.5),
)
BURSTS = (0.012, 0.12)  # the share of time that is slow
FEW = 662  # runs, from which a plain quantile was given


def rates(trials: int) -> Sequence[Rate]:
    """How often the interval holds the truth."""
    random = np.random.default_rng(0)
    found = []
    for share, launches, turns, seconds in CASES:
        name = f"the interval of p{100 * share:.0f} holds the true one"
        for busy in BURSTS:
            held, given, truth = 0, 0, true(share, busy)
            for _ in range(trials):
                interval = estimated(share, launches, turns, seconds, busy, random)
                given += interval is not None
                held += interval is not None and interval[1] <= truth <= interval[2]
            where = f"{launches} launches of {seconds:g} s, {turns} turns, bursts {100 * busy:g} %"
            if given:
                found.append(Rate(name, where, held, given, PROMISED, at_least=True))
    tails = stats.beta.rvs(FEW * 0.01, FEW * 0.99, size=trials, random_state=random)
    what = "the true tail of a plain p99 is over 1.5 times nominal, as it was"
    found.append(Rate(what, f"{FEW} independent runs", int(np.sum(tails > 0.015)), trials))
    return found


def estimated(
    share: float, launches: int, turns: int, seconds: float, busy: float,
    random: np.random.Generator,
) -> tuple[float, float, float] | None:  # fmt: skip
    """What a run would say, in units of the usual time in ns."""
    durations = _durations(launches, turns, seconds, busy, random)
    span_ns = dict.fromkeys(range(launches), int(seconds * 1e9))
    seen = stretches(dict.fromkeys(range(launches), turns), span_ns)
    return percentile(dict(enumerate(durations)), seen, share)


def true(share: float, busy: float) -> float:
    """The quantile of all runs of all launches."""
    spread = float(np.hypot(BIAS, SPREAD))

    def beyond(log: float) -> float:
        usual, slow = stats.norm.cdf([log / spread, (log - np.log(SLOWER)) / spread])
        return float((1 - busy) * usual + busy * slow) - share

    return 1e6 * float(np.exp(optimize.brentq(beyond, -1, 2)))


def _durations(
    launches: int, turns: int, seconds: float, busy: float, random: np.random.Generator
) -> NDArray[np.int64]:
    """(launches, runs): bursts begin and end at random, and go on over turns."""
    ends = 1 - np.exp(-seconds * 1e9 / turns / NOISE_NS)
    begins = ends * busy / (1 - busy)
    steps = random.random((launches, turns))
    slow = np.empty((launches, turns), bool)
    now = random.random(launches) < busy
    for turn in range(turns):
        slow[:, turn] = now
        now = np.where(now, steps[:, turn] > ends, steps[:, turn] < begins)
    logs = random.normal(0, SPREAD, (launches, turns, KEPT)) + slow[:, :, None] * np.log(SLOWER)
    logs += random.normal(0, BIAS, (launches, 1, 1))
    return (1e6 * np.exp(logs)).astype(np.int64).reshape(launches, -1)
