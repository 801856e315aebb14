"""Does the file still answer like what it was made from?"""

from __future__ import annotations

from pydantic import Field

from compbench.gate import answers
from compbench.gate.check import Agreement, Evidence, GateCheck, Result, Verdict

DROP = 0.01  # of agreement, below the baseline's, where the suite sets no limit of its own
_NO_PARENT = "not recorded: the candidate has no figures of what it was made from here"
_NO_LIMIT = "not recorded in the baseline, and [gate] sets no limit"


class Check(GateCheck):
    """How far the file gives the answers of what it was made from, mean over test samples.

    Which samples they were is not recorded, so the two runs' are taken to be different ones: the
    interval is never too narrow. Nor is it where a sample may agree in part: shares spread less.
    """

    order = 50
    figure = (
        "share of test samples on which the file agrees with what it was made from, as its run "
        "recorded it"
    )
    fails = f"the whole interval is more than {100 * DROP:g} pp below the baseline's"

    parity_agreement: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description=(
            "least share of answers like those of what the file was made from; 1: on every "
            "test sample"
        ),
    )

    def judge(self, evidence: Evidence) -> Result:
        """By what both runs recorded."""
        baseline = evidence.agreement(evidence.baseline)
        candidate = evidence.agreement(evidence.candidate)
        is_as_before = candidate and baseline and candidate.agreement == baseline.agreement
        if candidate and is_as_before and evidence.is_same_file and self.parity_agreement is None:
            line = f"the same file, byte for byte: {candidate.agreement:.2%} agree, as before"
            return self.result(Verdict.PASS, line)
        samples = len(evidence.measured.scores[0])
        return self.judge_agreements(baseline, candidate, samples, evidence.pairs)

    def judge_agreements(
        self,
        baseline: Agreement | None,
        candidate: Agreement | None,
        samples: int,
        pairs: int = 1,
    ) -> Result:
        """Against the limit, or else against the baseline; both of so many samples."""
        if candidate is None:
            return self.result(None, _NO_PARENT)
        before = f", the baseline {baseline.agreement:.2%}" if baseline else ""
        line = (
            f"answers agree with what it was made from on {candidate.agreement:.2%}{before}, "
            f"of {samples} test samples"
        )
        if self.parity_agreement is not None:
            return self._to_limit(line, candidate.agreement, samples, pairs)
        if baseline is None:
            return self.result(None, _NO_LIMIT)
        return self._to_baseline(line, baseline.agreement, candidate.agreement, samples, pairs)

    def _to_limit(self, line: str, agreement: float, samples: int, pairs: int) -> Result:
        """By Clopper and Pearson's interval; on every sample is what can be seen without one."""
        least = self.parity_agreement
        assert least is not None
        if least == 1:
            return self.passed(agreement == 1, f"{line} (allowed: on all of them)")
        verdict, (low, high) = answers.judge_share(agreement, samples, least, pairs)
        line = f"{line} ({low:.2%}–{high:.2%}; at least {least:.2%})"
        if verdict is Verdict.INCONCLUSIVE:
            line = f"{line}; {answers.share_to_decide(agreement, least, pairs)}"
        return self.result(verdict, line)

    def _to_baseline(
        self, line: str, baseline: float, candidate: float, samples: int, pairs: int
    ) -> Result:
        """By Tango's interval, as if no sample were among both sides' disagreements."""
        from compbench.statistics.paired_proportions import Disagreement
        from compbench.units import points

        found = Disagreement(samples * (1 - baseline), samples * (1 - candidate), samples)
        verdict, bounds = answers.judge_drop(found, DROP, pairs)
        line = f"{line}: {points((found.change, *bounds))} (allowed: {100 * DROP:g} pp less)"
        if verdict is Verdict.INCONCLUSIVE:
            line = f"{line}; {answers.drop_to_decide(found, DROP, pairs)}"
        return self.result(verdict, line)
