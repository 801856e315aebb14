"""Every variant on all targets."""

from __future__ import annotations

from collections.abc import Sequence

from compbench import units
from compbench.report.section import Page, SectionBase, Table, with_legend
from compbench.results.record import Run
from compbench.statistics.summary import Summaries, Summary


def across(run: Run, summaries: Summaries) -> Table:
    """p50 of each variant on each target, where more than one was measured."""
    targets = [t for t in run.targets if any(s.p50_ns for s in summaries.of(t))]
    if len(targets) < 2:
        return []
    return [
        {"variant": v, **{t: _cell(run, summaries.find(v, t)) for t in targets}}
        for v in run.variants
    ]


def _cell(run: Run, s: Summary) -> str:
    """Its time, and its speed on this target beside the baseline's."""
    time = units.time_text(s.p50_ns)
    if s.variant == run.baseline or s.speedup is None:
        return time
    return f"{time} ({units.speed_cell(s.speedup, s.faster, brief=True)})"


class Section(SectionBase):
    """Targets side by side, where there are several."""

    order = 300
    title = "p50 across targets"

    def content(self, page: Page) -> Sequence[str]:
        """A column for each target."""
        return with_legend(across(page.run, page.summaries), _LEGEND)


_LEGEND = (
    "Each target was timed in processes of its own, some minutes apart: read these as a hint, not "
    "as a ratio with an interval. In brackets the speed-up over the baseline on the same target; "
    f"{units.UNSURE}: noise could explain it."
)
