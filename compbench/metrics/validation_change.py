"""Validation accuracy minus the baseline's, on the same samples."""

from __future__ import annotations

from compbench import units
from compbench.contracts import Column, MetricBase, MetricHistory


class Metric(MetricBase):
    label = "validation change"
    unit = "fraction"
    better = "higher"
    meaning = "the same on the validation split"
    rows = ("validation_accuracy",)
    columns = {
        "validation_change": Column(unit, meaning, has_interval=True),
        "validation_p": Column("", "p-value of that (exact McNemar), adjusted by Holm"),
    }
    order = 40
    table = ""
    history = MetricHistory(
        "validation accuracy minus the baseline's",
        ("dataset", "baseline"),
        is_ratio=False,
        write=lambda change: f"{units.signed(100 * change)} pp",
    )
