"""Whether a file gives alone what it gives in a batch: accuracy is of batches, latency of one."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "answers alone"
    unit = "fraction"
    better = "higher"
    meaning = "of the first test samples, those whose answer alone is that in a batch"
    columns = {}
    table = ""
