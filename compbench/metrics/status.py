"""Why there are no figures."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "status"
    meaning = "only where something was skipped or failed"
    columns = {}
    table = "failed_and_skipped"
