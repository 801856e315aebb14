"""The baseline's time over this one's, of turns beside each other."""

from __future__ import annotations

from compbench.contracts import Column, MetricBase, MetricHistory


class Metric(MetricBase):
    label = "speed-up"
    unit = "×"
    better = "higher"
    meaning = "the baseline's time over this one, side by side"
    rows = ("latency_ns", "control_latency_ns")
    columns = {
        "speedup": Column(unit, meaning, has_interval=True),
        "speedup_p": Column("", "p-value of that (t over launches), adjusted by Holm"),
        "faster": Column(
            "", "1 faster, -1 slower, 0 where noise could explain it or it was not timed"
        ),
        "parent_speedup": Column("×", "its first parent's time over this one", has_interval=True),
        "parent_speedup_p": Column("", "p-value of that, adjusted by Holm"),
        "faster_than_parent": Column("", "as `faster`, beside its first parent"),
    }
    order = 150
    table = "main_table"
    history = MetricHistory(
        "speed-up over the baseline",
        ("machine", "target", "baseline"),
        is_noisy=True,
        is_log=True,
    )
