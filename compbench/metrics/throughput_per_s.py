"""Images in a second, at each of the target's batch sizes."""

from __future__ import annotations

from compbench.contracts import Column, MetricBase


class Metric(MetricBase):
    label = "throughput"
    unit = "images/s"
    better = "higher"
    meaning = "throughput at that batch size"
    columns = {"images_per_s_batch_*": Column(unit, meaning)}
    order = 160
    table = "latency"
