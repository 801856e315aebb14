"""What a technique said of its own work."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "notes"
    meaning = "what its technique left as it is, could not reach or did otherwise"
    columns = {}
    table = "technique_notes"
