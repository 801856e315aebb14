"""Published figures beside ours."""

from __future__ import annotations

from compbench import units
from compbench.report.section import Table
from compbench.results.record import Run
from compbench.statistics.summary import Summaries


def references(run: Run, summaries: Summaries, target: str) -> Table:
    """Published figures beside ours."""
    return [
        {
            "variant": name,
            "ours": units.percent(summaries.find(name, target).accuracy),
            "published": f"{100 * reference['accuracy']:.2f} %",
            "source": reference["source"],
        }
        for name, reference in run.references.items()
    ]
