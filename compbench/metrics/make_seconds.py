"""What making this artifact took, its ancestors not counted."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "cost"
    unit = "s"
    better = "lower"
    meaning = "wall time of making it, mean over seeds"
    order = 190
    table = "cost"
