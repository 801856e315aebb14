"""MLPerf LoadGen's scenario of several sensors."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "multi_stream"
    meaning = "queries of several samples"
    columns = {}
    table = "loadgen"
