"""What asking teachers once for all training samples took."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "teacher asked"
    unit = "s"
    better = "lower"
    meaning = "wall time in which its teachers were asked for all samples at once, else 0"
    columns = {}
    table = "teaching_cost"
