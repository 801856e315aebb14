"""In which types the weights are stored."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "weights"
    meaning = "parameters by type"
    columns = {}
    table = "speed_explained"
