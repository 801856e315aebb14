"""Weights and biases that are not zero."""

from __future__ import annotations

from compbench import units
from compbench.contracts import MetricBase, MetricHistory


class Metric(MetricBase):
    label = "non-zeros"
    better = "lower"
    meaning = "those that are not zero"
    order = 100
    table = "sizes"
    history = MetricHistory("parameters that are not zero", write=units.count_text)
