"""Every variant on all targets."""

from __future__ import annotations

from compbench import units
from compbench.report.section import Table
from compbench.results.record import Run
from compbench.statistics.summary import Summaries


def across(run: Run, summaries: Summaries) -> Table:
    """p50 of each variant on each target, where more than one was measured."""
    targets = [t for t in run.targets if any(s.p50_ns for s in summaries.of(t))]
    if len(targets) < 2:
        return []
    return [
        {"variant": v, **{t: units.time_text(summaries.find(v, t).p50_ns) for t in targets}}
        for v in run.variants
    ]
