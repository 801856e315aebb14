"""Bytes of the ONNX file."""

from __future__ import annotations

from compbench.contracts import Column, MetricBase, MetricHistory


class Metric(MetricBase):
    label = "size"
    unit = "B"
    better = "lower"
    meaning = "the ONNX file on disk"
    columns = {
        "size_bytes": Column(unit, meaning),
        "size_ratio": Column("×", "the baseline's file over this one"),
    }
    order = 60
    table = "sizes"
    history = MetricHistory("bytes of the file")
