"""How much of the targets' spread is told, of tasks whose targets are numbers."""

from __future__ import annotations

from compbench.contracts import MetricBase, MetricHistory


class Metric(MetricBase):
    label = "R²"
    better = "higher"
    meaning = "share of the test targets' variance that is told, mean over values and seeds"
    by_task = True
    history = MetricHistory("test R²", ("dataset",), is_ratio=False)
