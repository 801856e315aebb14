"""Multiply-accumulates, counted from the graph."""

from __future__ import annotations

from compbench import units
from compbench.contracts import MetricBase, MetricHistory


class Metric(MetricBase):
    label = "MACs"
    better = "lower"
    meaning = "multiply-accumulates of one image"
    order = 110
    table = "main_table"
    history = MetricHistory("multiply-accumulates of an image", write=units.count_text)
