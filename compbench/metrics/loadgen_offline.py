"""MLPerf LoadGen's scenario of a batch job."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "offline"
    meaning = "all samples at once"
    columns = {}
    table = "loadgen"
