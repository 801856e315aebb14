"""MLPerf LoadGen's scenario of one user."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "single_stream"
    meaning = "one query after the other"
    columns = {}
    table = "loadgen"
