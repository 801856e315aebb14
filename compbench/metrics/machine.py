"""How fast the machine was, and how much else it did."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "machine"
    meaning = "arithmetic peak and disturbance in a launch"
    columns = {}
    table = "protocol"
