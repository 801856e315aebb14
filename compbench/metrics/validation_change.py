"""The metric on the validation split minus the baseline's, on the same samples."""

from __future__ import annotations

from compbench.contracts import Column, MetricBase, MetricHistory
from compbench.contracts.metric import OF_METRIC
from compbench.headline import Headline


class Metric(MetricBase):
    label = "validation change"
    meaning = "the same on the validation split"
    rows = ("validation_score",)
    columns = {
        "validation_change": Column(OF_METRIC, meaning, has_interval=True),
        "validation_p": Column("", "p-value of that, adjusted by Holm"),
    }
    order = 40
    table = ""
    history = MetricHistory(
        "validation {metric} minus the baseline's",
        ("dataset", "baseline"),
        is_ratio=False,
        by_headline=Headline.difference_text,
    )
