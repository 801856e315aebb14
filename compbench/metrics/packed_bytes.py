"""Bytes of the file as a download: packed with zstd."""

from __future__ import annotations

from compbench.contracts import Column, MetricBase, MetricHistory


class Metric(MetricBase):
    label = "packed"
    unit = "B"
    better = "lower"
    meaning = "the file packed with zstd"
    columns = {
        "packed_bytes": Column(unit, meaning),
        "packed_ratio": Column("×", "the baseline's packed file over this one"),
    }
    order = 70
    table = "sizes"
    history = MetricHistory("bytes of the file, packed")
