"""What a file says of the example images."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "soft labels"
    meaning = "logits of the example images"
    columns = {}
    table = "soft_labels"
