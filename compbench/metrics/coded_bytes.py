"""Bytes that the weights alone hold."""

from __future__ import annotations

from compbench.contracts import Column, MetricBase, MetricHistory


class Metric(MetricBase):
    label = "coded"
    unit = "B"
    better = "lower"
    meaning = "the weights alone, entropy-coded"
    rows = ("coded_bytes", "size_bytes")
    columns = {
        "coded_bytes": Column(unit, meaning),
        "coded_ratio": Column("×", "the baseline's file on disk over these"),
    }
    order = 80
    table = "sizes"
    history = MetricHistory("bytes of the weights, entropy-coded")
