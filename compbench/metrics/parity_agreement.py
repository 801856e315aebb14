"""How often the class is the one that was validated."""

from __future__ import annotations

from compbench.contracts import MetricBase, MetricHistory


class Metric(MetricBase):
    label = "classes"
    unit = "fraction"
    better = "higher"
    meaning = "of test samples with the same class as validated"
    order = 180
    table = "files"
    history = MetricHistory(
        "share of test images with the class that was validated", ("dataset",), is_ratio=False
    )
