"""What the temperature of a teacher is worth, in a picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from compbench.report.pictures.selection import MOST_SWEEPS, evenly
from compbench.report.section import Page, Picture, SectionBase
from compbench.results.record import Run
from compbench.statistics.teaching import temperature_series

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Section(SectionBase):
    """Students that differ in their teacher's temperature alone."""

    order = 170
    per_target = True
    title = "At which temperature?"

    def pictures(self, page: Page) -> Sequence[Picture]:
        """A curve for each sweep: they hardly differ by target, so on the first only."""
        taught = [variant for sweep in temperature_series(page.run) for _, variant in sweep.points]
        measured = any(page.rows.of(variant, "score", page.target) for variant in taught)
        if not measured or not page.is_first:
            return []
        there = temperature_series(page.run)
        drawn = evenly(there, MOST_SWEEPS)
        more = f" {len(drawn)} of {len(there)} sweeps are drawn." if len(drawn) < len(there) else ""
        caption = _caption(page.run) + more
        return [Picture("temperature", page.target, _alt(page.run), caption, partial(_draw, page))]

    def content(self, page: Page) -> Sequence[str]:
        """The picture."""
        return [page.picture("temperature")]


def _alt(run: Run) -> str:
    return f"{run.headline.title} of students by the temperature that they were taught at"


def _caption(run: Run) -> str:
    words = [
        f"{run.headline.title} by temperature, with 95 % intervals, each of these files on other "
        f"{run.noun}s and none of training again."
    ]
    if any(sweep.control for sweep in temperature_series(run)):
        words.append(
            "Dashed, with its interval as a band: the same net without a teacher; whether a "
            "temperature is better than that is said under “Did a teacher help?”, where all are "
            "tested together."
        )
    words.append(
        "A temperature is to be chosen on the validation split; the test split only tells what it "
        "is worth."
    )
    return " ".join(words)


def _draw(page: Page) -> Figure:
    from compbench.report.pictures.teaching import temperature_curves

    return temperature_curves(page.run, page.rows, page.target)
