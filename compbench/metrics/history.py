"""How the training went."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "history"
    meaning = "training loss and validation accuracy by epoch"
    columns = {}
    table = ""
