"""Accuracy on the validation split."""

from __future__ import annotations

from compbench.contracts import MetricBase, MetricHistory


class Metric(MetricBase):
    label = "validation"
    unit = "fraction"
    better = "higher"
    meaning = "the same on the validation split"
    order = 20
    table = ""
    history = MetricHistory("validation accuracy", ("dataset",), is_ratio=False)
