"""Weights and biases of the file."""

from __future__ import annotations

from compbench import units
from compbench.contracts import MetricBase, MetricHistory


class Metric(MetricBase):
    label = "parameters"
    better = "lower"
    meaning = "elements of weights and biases"
    order = 90
    table = "sizes"
    history = MetricHistory(write=units.count_text)
