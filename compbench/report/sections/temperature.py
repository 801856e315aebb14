"""What the temperature of a teacher is worth, in a picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from compbench.report.pictures.selection import MOST_SWEEPS, evenly
from compbench.report.section import Page, Picture, SectionBase
from compbench.statistics.teaching import sweeps

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Section(SectionBase):
    """Students that differ in their teacher's temperature alone."""

    order = 170
    per_target = True
    title = "At which temperature?"

    def pictures(self, page: Page) -> Sequence[Picture]:
        """A curve for each sweep: they hardly differ by target, so on the first only."""
        taught = [variant for sweep in sweeps(page.run) for _, variant in sweep.points]
        measured = any(page.rows.of(variant, "accuracy", page.target) for variant in taught)
        if not measured or not page.is_first:
            return []
        there = sweeps(page.run)
        drawn = evenly(there, MOST_SWEEPS)
        more = f" {len(drawn)} of {len(there)} sweeps are drawn." if len(drawn) < len(there) else ""
        return [Picture("temperature", page.target, _ALT, _CAPTION + more, partial(_draw, page))]

    def content(self, page: Page) -> Sequence[str]:
        """The picture."""
        return [page.picture("temperature")]


_ALT = "Accuracy of students by the temperature that they were taught at"
_CAPTION = (
    "Accuracy by temperature, with 95 % intervals; dashed, with its interval as a "
    "band: the same net without a teacher. A temperature is to be chosen on the "
    "validation split; the test split only tells what it is worth."
)


def _draw(page: Page) -> Figure:
    from compbench.report.pictures.teaching import temperature_curves

    return temperature_curves(page.run, page.rows, page.target)
