"""Are the file's logits those of what it was made from?"""

from __future__ import annotations

from pydantic import Field

from compbench.gate.check import Agreement, Evidence, GateCheck, Result


class Check(GateCheck):
    """The largest difference of a logit from what the file was made from."""

    order = 60
    figure = (
        "largest difference of an output from what the file was made from, on the test samples, as "
        "a share of the outputs' spread where that is over 1"
    )
    fails = "beyond the target's limit, where it was made from a model of torch or another library"

    max_logit_difference: float | None = Field(
        default=None,
        gt=0,
        description="largest difference of an output from what the file was made from, as a share "
        "of the outputs' standard deviation where that is over 1",
    )

    def judge(self, evidence: Evidence) -> Result | None:
        """By what the candidate's run recorded."""
        limit = self.max_logit_difference
        variant = evidence.candidate.record.variants[evidence.pair.variant]
        if limit is None and (variant.is_torch or variant.library):
            limit = evidence.pair.target.max_logit_difference
        return self.judge_agreement(evidence.agreement(evidence.candidate), limit)

    def judge_agreement(self, candidate: Agreement | None, limit: float | None) -> Result | None:
        """None without a figure or a limit."""
        if candidate is None or limit is None:
            return None
        found = candidate.max_logit_difference
        line = f"at most {found:.2g} from what it was made from on test samples (allowed {limit:g})"
        return self.passed(found <= limit, line)  # so that nan is no pass
