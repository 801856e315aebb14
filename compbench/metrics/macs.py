"""Multiply-accumulates, counted from the graph."""

from __future__ import annotations

from compbench import units
from compbench.contracts import MetricBase, MetricHistory


class Metric(MetricBase):
    label = "MACs"
    better = "lower"
    meaning = "multiply-accumulates of one sample"
    order = 110
    table = "main_table"
    history = MetricHistory("multiply-accumulates of a sample", write=units.count_text)
