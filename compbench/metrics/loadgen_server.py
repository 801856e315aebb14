"""MLPerf LoadGen's scenario of many users."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "server"
    meaning = "queries at random times"
    columns = {}
    table = "loadgen"
