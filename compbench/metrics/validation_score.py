"""How good a file is by the task's metric, on the validation split."""

from __future__ import annotations

from compbench.contracts import Column, MetricBase, MetricHistory
from compbench.contracts.metric import OF_METRIC
from compbench.headline import Headline


class Metric(MetricBase):
    label = "validation"
    meaning = "the same on the validation split"
    columns = {"validation_quality": Column(OF_METRIC, meaning)}
    order = 20
    table = ""
    history = MetricHistory(
        "validation {metric}",
        ("dataset",),
        is_ratio=False,
        by_headline=Headline.text,
        name="validation_{name}",
        column="validation_quality",
    )
