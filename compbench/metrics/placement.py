"""Where the nodes of the graph run."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "placement"
    meaning = "nodes on the provider, and elsewhere"
    columns = {}
    table = "files"
