"""The largest difference of an output from what was validated."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "logits"
    better = "lower"
    meaning = "largest difference of a logit from what was validated"
    order = 170
    table = "files"
