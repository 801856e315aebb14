"""A slow arm on a busy machine: what its ratio reads with two runs a turn, and with three."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from compbench.measure.turns import LEAST_RUNS_A_TURN
from compbench.statistics.latency import launch_log_ratio
from tests.factory import latency_row
from tests.simulations.rate import Rate

LAUNCHES, TURNS = 5, 40
QUICK_NS, RATIO, QUICK_RUNS = 400_000, 4.5, 4  # the baseline, and how much slower the arm is
AWAY_NS = 12_000_000  # how long another process has the core, on average
HIT = 0.35  # the chance that one run of the slow arm is interrupted, one of the quick a fifth of it
OFF = 0.1


def rates(trials: int) -> Sequence[Rate]:
    """How often the ratio is off by more than a tenth."""
    random = np.random.default_rng(0)
    found = []
    for runs in (2, LEAST_RUNS_A_TURN):
        off = sum(abs(reading(runs, random) / RATIO - 1) > OFF for _ in range(trials))
        where = f"{runs} runs a turn, {HIT:.0%} of them interrupted".replace("%", " %")
        limit = 0.05 if runs == LEAST_RUNS_A_TURN else None
        what = f"an arm {RATIO} times slower reads over {OFF:.0%} off".replace("%", " %")
        found.append(Rate(what, where, off, trials, limit))
    return found


def reading(runs: int, random: np.random.Generator) -> float:
    """The ratio of a run, as a report has it."""
    logs = []
    for _ in range(LAUNCHES):
        baseline = _arm(QUICK_NS, QUICK_RUNS, HIT / 5, random)
        logs.append(launch_log_ratio(_arm(RATIO * QUICK_NS, runs, HIT, random), baseline))
    return float(np.exp(np.mean(logs)))


def _arm(ns: float, runs: int, hit: float, random: np.random.Generator) -> dict[str, NDArray]:
    samples = dict(latency_row("arm", [ns] * TURNS, kept=runs).samples)
    times = ns * random.lognormal(0, 0.02, (TURNS, 1 + runs))
    times += (random.random(times.shape) < hit) * random.exponential(AWAY_NS, times.shape)
    return samples | {"duration_ns": times.ravel().astype(np.int64)}
