"""Samples in a second, at each of the target's batch sizes."""

from __future__ import annotations

from compbench.contracts import Column, MetricBase


class Metric(MetricBase):
    label = "throughput"
    unit = "samples/s"
    better = "higher"
    meaning = "throughput at that batch size"
    columns = {
        "samples_per_s_batch_*": Column(unit, meaning),
        "throughput_ratio_batch_*": Column("×", "that over the baseline's", has_interval=True),
        "more_throughput_batch_*": Column("", "1 more, -1 less, 0 where noise could explain it"),
    }
    rows = ("throughput_per_s", "latency_ns", "control_latency_ns")  # the A/A arm's are of latency
    order = 160
    table = "latency"
