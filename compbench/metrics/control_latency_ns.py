"""The noise floor: the baseline, timed against itself."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "A/A"
    unit = "ns"
    better = "lower"
    meaning = "the baseline's second arm"
    columns = {}
    table = "protocol"
