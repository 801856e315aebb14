"""What making this artifact took from the very beginning."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "cost with ancestors"
    unit = "s"
    better = "lower"
    meaning = "the same with all its ancestors"
    rows = ("make_seconds",)
    order = 200
    table = "cost"
