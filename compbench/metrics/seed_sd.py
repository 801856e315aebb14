"""How much the metric differs from seed to seed."""

from __future__ import annotations

from compbench.contracts import Column, MetricBase
from compbench.contracts.metric import OF_METRIC


class Metric(MetricBase):
    label = "spread over seeds"
    better = "lower"
    meaning = "standard deviation of {metric} over seeds; of one seed: none"
    rows = ("score",)
    columns = {"seed_sd": Column(OF_METRIC, meaning)}
    order = 50
    table = "caveats"
