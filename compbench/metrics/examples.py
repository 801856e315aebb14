"""The test samples that the report shows."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "examples"
    meaning = "the test samples that are shown"
    columns = {}
    table = "soft_labels"
