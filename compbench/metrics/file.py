"""Which file it was."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "file"
    meaning = "sha256 and opset"
    columns = {}
    table = "files"
