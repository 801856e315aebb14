"""Did the candidate get worse on the test split? Both sides' answers to each sample are paired."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from compbench.gate.check import Evidence, GateCheck, Result
from compbench.units import points


class Check(GateCheck):
    """Fails where the paired interval lies wholly below the drop that is allowed."""

    order = 20
    figure = "paired difference on the test split, of both files on this machine"
    fails = "the whole interval is below the drop that is allowed ({accuracy_drop:g})"

    accuracy_drop: float = Field(
        default=0.0, ge=0, le=1, description="drop of accuracy allowed, 0 to 1"
    )

    def judge(self, evidence: Evidence) -> Result:
        """By both files' answers on this machine."""
        candidate, baseline = evidence.measured.correct
        return self.judge_answers(baseline, candidate)

    def judge_answers(self, baseline: NDArray[np.uint8], candidate: NDArray[np.uint8]) -> Result:
        """Both are 0/1 for each test sample (N,). A change within noise is no drop."""
        from compbench.statistics.intervals import paired_change

        change = paired_change([candidate], [baseline])
        drop = self.accuracy_drop
        allowed = f"a drop of {100 * drop:g} pp" if drop else "no measurable drop"
        line = (
            f"{baseline.mean():.2%} became {candidate.mean():.2%}: {points(change)} "
            f"on {len(baseline)} test samples (allowed: {allowed})"
        )
        return self.passed(not change.high < -drop, line)
