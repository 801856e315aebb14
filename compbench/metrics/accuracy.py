"""The share of test samples that the file classifies rightly."""

from __future__ import annotations

from compbench.contracts import Column, MetricBase, MetricHistory


class Metric(MetricBase):
    label = "accuracy"
    unit = "fraction"
    better = "higher"
    meaning = "of test samples classified rightly, mean over seeds (Wilson)"
    columns = {"accuracy": Column(unit, meaning, has_interval=True)}
    order = 10
    table = "main_table"
    history = MetricHistory("test accuracy", ("dataset",), is_ratio=False)
