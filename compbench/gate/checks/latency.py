"""Is the candidate slower than the baseline? Both are timed side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from compbench.gate.check import Evidence, GateCheck, Pair, Result

if TYPE_CHECKING:
    from compbench.contracts.inputs import Inputs
    from compbench.gate.paired_timing import Comparison, Timing
    from compbench.statistics.intervals import Interval


class Check(GateCheck):
    """The ratio of times, as a report has it: the interval over launches against the limit."""

    order = 10
    figure = (
        "time ratio, measured side by side in {latency_launches} fresh processes, with an A/A "
        "control"
    )
    fails = "the whole interval is above {latency_ratio:g}, and again when it is measured again"
    efforts = ("latency_launches",)

    latency_ratio: float = Field(default=1.025, ge=1, description="time allowed, to the baseline's")
    latency_launches: int = Field(
        default=5, ge=2, description="fresh processes in which both files are timed at first"
    )

    def measure(self, pair: Pair, inputs: Inputs) -> Timing:
        """Launches of both files: as many more where those are undecided, and a failure again."""
        from compbench.gate import paired_timing

        candidate, baseline = pair.files
        limits = paired_timing.Limits(self.latency_ratio, launches=self.latency_launches)
        return paired_timing.time_both((str(candidate), str(baseline)), pair.target, inputs, limits)

    def judge(self, evidence: Evidence) -> Result:
        """The verdict that the measuring led to."""
        return self.judge_comparison(evidence.measured.own[self.name].comparison)

    def judge_comparison(self, found: Comparison) -> Result:
        """The same of a comparison alone."""
        note = f"; {found.note}" if found.note else ""
        line = (
            f"{_ratio(found.ratio)} of the baseline's time (allowed {self.latency_ratio:g}×); "
            f"A/A control {_ratio(found.control)}; {found.launches} launches{note}"
        )
        return self.result(found.verdict, line)


def _ratio(interval: Interval) -> str:
    return f"{interval.value:.3f}× ({interval.low:.3f}–{interval.high:.3f})"
