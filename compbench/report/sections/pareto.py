"""Quality against latency, in a picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from compbench import units
from compbench.report.pictures.selection import shown
from compbench.report.section import Page, Picture, SectionBase
from compbench.results.record import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Section(SectionBase):
    """The picture of what is to be weighed; the first target's stands beside the summary."""

    order = 105
    per_target = True

    def pictures(self, page: Page) -> Sequence[Picture]:
        """Every timed variant."""
        if not shown(page.run, page.summaries, page.target).summaries:
            return []
        metric = page.run.headline
        caption = _caption(page.run)
        draw = partial(_draw, page)
        return [Picture("pareto", page.target, f"{metric.title} against latency", caption, draw)]

    def content(self, page: Page) -> Sequence[str]:
        """The picture."""
        return [page.picture("pareto")] if page.target != page.measured[0] else []


def _caption(run: Run) -> str:
    metric, noun = run.headline, run.noun
    tested = units.counted(run.dataset["samples"]["test"], noun)
    is_upright = metric.better == "higher"
    axis = "" if is_upright else ", on an axis that falls upwards, so that up is better"
    return (
        f"Test {metric.label} ({tested}, with 95 % intervals"
        f"{axis}) against the median latency; the area of a mark is the file's. Ringed: the Pareto "
        f"front by these test {noun}s, whose members are measurably better than each other variant "
        f"in {metric.label}, speed or bytes; dotted: it may be on it. Off it is what another is "
        "shown to match and to beat in one. A triangle on the lower edge stands for a variant far "
        f"{'below' if is_upright else 'worse'}."
    )


def _draw(page: Page) -> Figure:
    from compbench.report.pictures.scatter import pareto_scatter

    return pareto_scatter(page.run, page.summaries, page.target)
