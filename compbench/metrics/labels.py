"""What the test samples are."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "labels"
    meaning = "the test split's classes, once a run"
    columns = {}
    table = ""
