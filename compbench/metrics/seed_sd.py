"""How much accuracy differs from seed to seed."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "spread over seeds"
    unit = "fraction"
    better = "lower"
    meaning = "standard deviation of accuracy over seeds; of one seed: none"
    rows = ("accuracy",)
    order = 50
    table = "caveats"
