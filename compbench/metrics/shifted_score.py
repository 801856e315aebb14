"""How good a file is on test samples that were shifted, as a suite's [shifts] says."""

from __future__ import annotations

from compbench.contracts import Column, MetricBase
from compbench.contracts.metric import OF_METRIC


class Metric(MetricBase):
    label = "shifted score"
    meaning = "{metric} on shifted test samples, mean over shifts, their severities and seeds"
    columns = {
        "shifted_quality": Column(OF_METRIC, meaning, has_interval=True),
        "shifted_change": Column(
            OF_METRIC,
            "what shifts change of {metric}, less what they change of its teacher's, or of the "
            "baseline's where it has none; paired on the test samples",
            has_interval=True,
        ),
        "shifted_p": Column(
            "", "p-value of that, adjusted by Holm for all variants and each shift"
        ),
        "shifted_better": Column(
            "", "1 it loses less, -1 more, 0 where chance could explain the difference"
        ),
        "shifted_agreement": Column(
            "fraction", "answers to shifted samples that are that one's too", has_interval=True
        ),
    }
    order = 210
    table = "shifts"
