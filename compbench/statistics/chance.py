"""Is the baseline better than an answer that looks at nothing? Pure."""

from __future__ import annotations

from typing import NamedTuple

from compbench.results.record import Run
from compbench.results.row_index import Rows
from compbench.statistics.intervals import Interval
from compbench.statistics.quality_change import by_seed
from compbench.statistics.scores import metric_interval, paired


class Chance(NamedTuple):
    """The metric of the best constant answer, and how much the baseline gains beside it.

    `is_beaten` where the whole 95 % interval of that gain is above 0.
    """

    value: float
    quality: Interval
    is_beaten: bool


def chance(run: Run, rows: Rows, target: str) -> Chance | None:
    """None where a run has no such scores, or the baseline none."""
    blind, base = rows.of("", "chance_score"), by_seed(rows.of(run.baseline, "score", target))
    if not blind or not base:
        return None
    scores, ours, metric = blind[0].samples["score"], [*base.values()], run.headline
    low, high = paired(ours, [scores] * len(ours), metric).bounds(0.05)
    is_beaten = min(metric.gain(low), metric.gain(high)) > 0
    return Chance(metric.value(scores), metric_interval(ours, metric), is_beaten)
