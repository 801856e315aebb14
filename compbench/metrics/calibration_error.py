"""How far files are from being as sure as they are right, where one class is right."""

from __future__ import annotations

from compbench.contracts import Column, MetricBase


class Metric(MetricBase):
    label = "calibration error"
    unit = "fraction"
    better = "lower"
    meaning = "expected calibration error on the test samples, 15 bins (arXiv:1706.04599)"
    rows = ("shifted_score",)
    columns = {
        "calibration_error": Column(unit, meaning),
        "shifted_calibration_error": Column(
            unit, "the same on shifted ones, mean over shifts and their severities"
        ),
    }
    order = 220
    table = "shifts"
