"""One file in compbench/gate/checks/ adds a check to the gate: does the file still say the same?"""

from __future__ import annotations

from pydantic import Field

from compbench.gate.check import Evidence, GateCheck, Result


class Check(GateCheck):
    """The share of test samples on which the candidate and the baseline see the same class."""

    order = 70
    figure = "share of test samples that both files see as the same class"
    fails = "less than {same_class_share:g}"

    same_class_share: float = Field(
        default=0.5, ge=0, le=1, description="least share of samples that both see alike"
    )

    def judge(self, evidence: Evidence) -> Result:
        """By the answers of both files on this machine."""
        share, least = evidence.measured.agreement, self.same_class_share
        return self.passed(share >= least, f"alike on {share:.2%} (at least {least:.2%})")
