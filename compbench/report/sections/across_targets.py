"""Every variant on all targets."""

from __future__ import annotations

from collections.abc import Sequence

from compbench import units
from compbench.report.section import Page, SectionBase, Table, with_legend
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


class Section(SectionBase):
    """Targets side by side, where there are several."""

    order = 300
    title = "p50 across targets"

    def content(self, page: Page) -> Sequence[str]:
        """A column for each target."""
        return with_legend(across(page.run, page.summaries), _LEGEND)


_LEGEND = (
    "Each target was timed in processes of its own, some minutes apart: read these as a hint, not "
    "as a ratio with an interval."
)
