"""How often the intervals hold the truth, by simulation: noise as shared machines have it."""

from __future__ import annotations

import numpy as np
import pytest

from compbench.results.row import Row
from compbench.statistics import intervals, latency, scores, significance
from compbench.statistics.latency import timings
from tests.factory import latency_row

pytestmark = pytest.mark.slow

TRIALS, LAUNCHES, TURNS, KEPT = 2_000, 5, 40, 3
TRUE_RATIO = 1.04
WITHIN = 0.02  # of 95 %; the simulation itself is right to half a point


def launch_rows(random: np.random.Generator, launch: int) -> dict[str, Row]:
    """Baseline and candidate in one process: a bias of each, a drift of both, spikes in runs."""
    drift = np.exp(np.cumsum(random.normal(0, 0.01, TURNS)))
    rows = {}
    for variant, ratio in (("baseline", 1.0), ("candidate", TRUE_RATIO)):
        bias = np.exp(random.normal(0, 0.01))
        row = latency_row(variant, np.ones(TURNS).tolist(), kept=KEPT, launch=launch)
        noise = random.lognormal(0, 0.03, (TURNS, 1 + KEPT))
        noise[random.random(noise.shape) < 0.03] *= 3
        times = 1e6 * ratio * bias * drift[:, None] * noise
        samples = {**row.samples, "duration_ns": times.ravel().astype(np.int64)}
        rows[variant] = Row(variant, 0, "", "latency_ns", launch=launch, samples=samples)
    return rows


def test_the_interval_of_a_speed_up_holds_the_truth_in_95_percent() -> None:
    random = np.random.default_rng(0)
    held, called = 0, 0
    for _ in range(TRIALS):
        launches = [launch_rows(random, i) for i in range(LAUNCHES)]
        logs = {
            (0, i): latency.logs_of(rows["baseline"].samples) for i, rows in enumerate(launches)
        }
        found = timings([rows["candidate"] for rows in launches], logs)
        interval = intervals.log_ratio_interval(found.log_ratios)
        assert interval is not None
        held += interval.low <= TRUE_RATIO <= interval.high
        called += (significance.log_ratio_p(found.log_ratios) < intervals.ALPHA) == (
            intervals.side(interval, 1) != 0
        )
    assert called == TRIALS  # test and interval say the same
    assert held / TRIALS == pytest.approx(intervals.CONFIDENCE, abs=WITHIN)


@pytest.mark.parametrize(("count", "accuracy", "flips"), [(360, 0.97, 0.02), (10_000, 0.99, 0.004)])
def test_the_interval_of_a_change_holds_the_truth(
    count: int, accuracy: float, flips: float
) -> None:
    """The candidate loses a right image with the chance `flips`, and wins a wrong one by half."""
    random = np.random.default_rng(1)
    truth = -accuracy * flips + (1 - accuracy) * 0.5
    held = 0
    for _ in range(TRIALS):
        base = random.random(count) < accuracy
        lost, won = random.random(count) < flips, random.random(count) < 0.5
        ours = np.where(base, ~lost, won)
        interval = scores.paired_interval([ours.astype(np.uint8)], [base.astype(np.uint8)])
        held += interval.low <= truth <= interval.high
    assert held / TRIALS == pytest.approx(intervals.CONFIDENCE, abs=WITHIN)


def test_chance_alone_is_called_a_difference_in_one_family_of_twenty_at_most() -> None:
    """Twenty variants that differ from the baseline by chance alone, a thousand times."""
    random = np.random.default_rng(2)
    alarms = 0
    for _ in range(1_000):
        logs = random.normal(0, 0.01, (20, LAUNCHES))
        alarms += min(significance.holm([significance.log_ratio_p(row) for row in logs])) < 0.05
    assert alarms / 1_000 < 0.05 + 0.02
