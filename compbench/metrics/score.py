"""How good a file is by the task's metric, on the test split: a score for each sample."""

from __future__ import annotations

from compbench.contracts import Column, MetricBase, MetricHistory
from compbench.contracts.metric import OF_METRIC
from compbench.headline import Headline


class Metric(MetricBase):
    label = "score"
    meaning = "{metric} on the test samples, mean over seeds"
    columns = {"quality": Column(OF_METRIC, meaning, has_interval=True)}
    order = 10
    table = "main_table"
    history = MetricHistory(
        "test {metric}",
        ("dataset",),
        is_ratio=False,
        by_headline=Headline.text,
        name="{name}",
        column="quality",
    )
