"""The metric minus the baseline's, on the same test samples."""

from __future__ import annotations

from compbench.contracts import Column, MetricBase, MetricHistory
from compbench.contracts.metric import OF_METRIC
from compbench.headline import Headline


class Metric(MetricBase):
    label = "change"
    meaning = "{metric} minus the baseline's, paired on the test samples"
    rows = ("score",)
    columns = {
        "change": Column(OF_METRIC, f"{meaning}, of these files", has_interval=True),
        "change_p": Column(
            "", "p-value of that (exact McNemar; random signs of numbers), adjusted by Holm"
        ),
        "file_better": Column("", "1 better, -1 worse: these files, as change says"),
        "change_seeds": Column("", "seeds that it and the baseline both have"),
        "technique_change": Column(
            OF_METRIC, "the same of the technique: samples and trainings anew", has_interval=True
        ),
        "technique_p": Column("", "p-value of that (t, crossed effects), adjusted by Holm"),
        "better": Column(
            "",
            "1 better, -1 worse, 0 where chance could explain it: the technique, or with a "
            "single seed this file",
        ),
    }
    order = 30
    table = "main_table"
    history = MetricHistory(
        "test {metric} minus the baseline's",
        ("dataset", "baseline"),
        is_ratio=False,
        by_headline=Headline.difference_text,
    )
