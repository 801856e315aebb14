"""The largest difference of an output from what was validated, in the outputs' own measure."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "relative difference"
    better = "lower"
    meaning = "parity_max_abs over the outputs' standard deviation, where that is more than 1"
    columns = {}
    table = ""
