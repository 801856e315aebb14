"""Which test samples are classified wrongly, and as what."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "errors"
    meaning = "test samples classified wrongly, and as what"
    columns = {}
    table = "confusions"
