"""Does the file still answer like what it was made from?"""

from __future__ import annotations

from pydantic import Field

from compbench.gate.check import Agreement, Evidence, GateCheck, Result

DROP = 0.01  # of agreement, below the baseline's, where the suite sets no limit of its own
_NO_PARENT = "not recorded: the candidate has no figures of what it was made from here"
_NO_LIMIT = "not recorded in the baseline, and [gate] sets no limit"


class Check(GateCheck):
    """The share of test samples with the class of what the file was made from."""

    order = 50
    figure = (
        "share of test samples on which the file agrees with what it was made from, as its run "
        "recorded it"
    )
    fails = f"{100 * DROP:g} percentage point below the baseline's"

    parity_agreement: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="least share of test samples with the class of what the file was made from",
    )

    def judge(self, evidence: Evidence) -> Result:
        """By what both runs recorded."""
        baseline = evidence.agreement(evidence.baseline)
        return self.judge_agreements(baseline, evidence.agreement(evidence.candidate))

    def judge_agreements(self, baseline: Agreement | None, candidate: Agreement | None) -> Result:
        """Against the limit, or else against the baseline."""
        if candidate is None:
            return self.result(None, _NO_PARENT)
        if self.parity_agreement is not None:
            least = self.parity_agreement
        elif baseline is not None:
            least = baseline.agreement - DROP
        else:
            return self.result(None, _NO_LIMIT)
        before = f", the baseline {baseline.agreement:.2%}" if baseline else ""
        line = (
            f"classes agree with what it was made from on {candidate.agreement:.2%}{before} "
            f"(at least {least:.2%})"
        )
        return self.passed(not candidate.agreement < least, line)
