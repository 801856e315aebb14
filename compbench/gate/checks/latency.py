"""Is the candidate slower than the baseline? Both are timed side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from compbench.gate.check import Evidence, GateCheck, Pair, Result

if TYPE_CHECKING:
    from compbench.gate.paired_timing import Comparison, Timing
    from compbench.runtime.session import Images
    from compbench.statistics.intervals import Interval


class Check(GateCheck):
    """The ratio of times, as the engine judges it."""

    order = 10
    figure = "time ratio, measured side by side in fresh processes, with an A/A control"
    fails = "beyond {latency_ratio:g} with the whole interval above 1, twice"

    latency_ratio: float = Field(default=1.025, ge=1, description="time allowed, to the baseline's")

    def measure(self, pair: Pair, images: Images) -> Timing:
        """Five launches of both files, or ten where those leave it undecided."""
        from compbench.gate import paired_timing

        candidate, baseline = pair.files
        limits = paired_timing.Limits(slower=self.latency_ratio)
        return paired_timing.time_both((str(candidate), str(baseline)), pair.target, images, limits)

    def judge(self, evidence: Evidence) -> Result:
        """The engine's verdict."""
        return self.judge_comparison(evidence.measured.own[self.name].comparison)

    def judge_comparison(self, found: Comparison) -> Result:
        """The same of a comparison alone."""
        line = (
            f"{_ratio(found.ratio)} of the baseline's time (allowed {self.latency_ratio:g}×); "
            f"A/A control {_ratio(found.control)}; {found.launches} launches"
        )
        return self.result(found.verdict, line)


def _ratio(interval: Interval) -> str:
    return f"{interval.value:.3f}× ({interval.low:.3f}–{interval.high:.3f})"
