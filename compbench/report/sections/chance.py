"""Which differences chance can't explain."""

from __future__ import annotations

from compbench import units
from compbench.report.section import Table
from compbench.report.sections.notes import spread_text
from compbench.results.record import Run
from compbench.statistics.summary import Summaries


def chance(run: Run, summaries: Summaries, target: str) -> Table:
    """Which differences to the baseline chance could explain; seeds apart from test images."""
    return [
        {
            "variant": s.variant,
            "accuracy change": units.points(s.change),
            "p (McNemar)": units.p_value(s.change_p),
            "accuracy is": _SIDES[s.more_accurate] if s.change_p is not None else units.NOTHING,
            "seeds' sd (pp)": spread_text(s),
            "speed-up": units.times(s.speedup),
            "p (t over launches)": units.p_value(s.speedup_p),
            "it is": _SPEEDS[s.faster] if s.speedup_p is not None else units.NOTHING,
        }
        for s in summaries.of(target)
        if s.variant != run.baseline and (s.change or s.speedup)
    ]


_SIDES = {1: "higher", -1: "lower", 0: "not distinguishable"}
_SPEEDS = {1: "faster", -1: "slower", 0: "not distinguishable"}
