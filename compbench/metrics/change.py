"""Accuracy minus the baseline's, on the same test samples."""

from __future__ import annotations

from compbench import units
from compbench.contracts import Column, MetricBase, MetricHistory


class Metric(MetricBase):
    label = "change"
    unit = "fraction"
    better = "higher"
    meaning = "accuracy minus the baseline's, paired on the test samples"
    rows = ("accuracy",)
    columns = {
        "change": Column(unit, f"{meaning}, of these files", has_interval=True),
        "change_p": Column("", "p-value of that (exact McNemar), adjusted by Holm"),
        "file_more_accurate": Column("", "1 more, -1 less accurate: these files, as change says"),
        "change_seeds": Column("", "seeds that it and the baseline both have"),
        "technique_change": Column(
            unit, "the same of the technique: samples and trainings anew", has_interval=True
        ),
        "technique_p": Column("", "p-value of that (t, crossed effects), adjusted by Holm"),
        "more_accurate": Column(
            "",
            "1 more, -1 less accurate, 0 where chance could explain it: the technique, or with a "
            "single seed this file",
        ),
    }
    order = 30
    table = "main_table"
    history = MetricHistory(
        "test accuracy minus the baseline's",
        ("dataset", "baseline"),
        is_ratio=False,
        write=lambda change: f"{units.signed(100 * change)} pp",
    )
