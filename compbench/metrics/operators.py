"""Where an inference's time goes."""

from __future__ import annotations

from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "operators"
    meaning = "time by operator type, from a profile"
    columns = {}
    table = "speed_explained"
