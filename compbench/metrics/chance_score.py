"""What is scored on the test samples without looking at them."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "chance"
    meaning = "scores of the test samples by the task's best constant answer, once a run"
    columns = {}
    table = "caveats"
