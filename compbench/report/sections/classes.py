"""How accuracy changes by class, in a picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from compbench.report.pictures.selection import is_right_somewhere, shown
from compbench.report.section import Page, Picture, SectionBase
from compbench.report.wording import HOLM, file_test
from compbench.results.record import Run
from compbench.statistics.classes import MOST_CLASSES, class_changes
from compbench.statistics.intervals import ALPHA

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Section(SectionBase):
    """Variants by classes, where the run kept what was taken for what."""

    order = 190
    per_target = True

    def heading(self, page: Page) -> str:
        """By the metric."""
        return f"{page.run.headline.title} by class"

    def pictures(self, page: Page) -> Sequence[Picture]:
        """A heat map."""
        run, target = page.run, page.target
        chosen = shown(run, page.summaries, target, is_right_somewhere)
        changes = class_changes(run, page.rows, target, [s.variant for s in chosen.summaries])
        if not changes:
            return []
        caption = (
            f"Change of {run.headline.label} in percentage points against `{run.baseline}` by true "
            f"class, on the same test {run.noun}s. Bold: beyond chance (p below {ALPHA:.2f}, "
            f"{HOLM} for all {changes.cells:,} cells; {_about(run)})."
        )
        if changes.left_out:
            caption += f" The {MOST_CLASSES} classes that change most; {changes.left_out} "
            caption += "is not." if changes.left_out == 1 else "are not."
        alt = f"Change of {run.headline.label} by class and variant"
        caption = f"{caption} {chosen.note}".strip()
        return [Picture("classes", target, alt, caption, partial(_draw, page))]

    def content(self, page: Page) -> Sequence[str]:
        """The picture."""
        return [page.picture("classes")]


def _about(run: Run) -> str:
    if len(run.seeds) > 1:
        return f"of the technique, by a t-test over seeds and {run.noun}s"
    return f"of these files, by {file_test(run.headline)}: a single seed"


def _draw(page: Page) -> Figure:
    from compbench.report.pictures.classes import class_heat_map

    return class_heat_map(page.run, page.rows, page.summaries, page.target)
