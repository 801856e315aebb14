"""How often the answer is the one that was validated."""

from __future__ import annotations

from compbench.contracts import MetricBase, MetricHistory


class Metric(MetricBase):
    label = "answers"
    unit = "fraction"
    better = "higher"
    meaning = "of the answers to test samples, those that were validated"
    order = 180
    table = "files"
    history = MetricHistory(
        "share of test samples with the answer that was validated", ("dataset",), is_ratio=False
    )
