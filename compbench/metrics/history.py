"""How the training went."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "history"
    meaning = "training loss and the metric on validation by epoch"
    columns = {}
    table = ""
