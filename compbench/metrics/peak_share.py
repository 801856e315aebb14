"""How much of the machine's arithmetic is used."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "of peak"
    unit = "fraction"
    better = "higher"
    meaning = "of the target's arithmetic peak in float32 that is reached"
    rows = ("latency_ns", "macs", "machine")
    order = 130
    table = "latency"
