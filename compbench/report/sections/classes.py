"""How accuracy changes by class, in a picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from compbench.report.pictures.selection import is_right_somewhere, shown
from compbench.report.section import Page, Picture, SectionBase
from compbench.statistics.classes import MOST_CLASSES, class_changes
from compbench.statistics.intervals import ALPHA

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Section(SectionBase):
    """Variants by classes, where the run kept what was taken for what."""

    order = 190
    per_target = True
    title = "Accuracy by class"

    def pictures(self, page: Page) -> Sequence[Picture]:
        """A heat map."""
        run, target = page.run, page.target
        chosen = shown(run, page.summaries, target, is_right_somewhere)
        changes = class_changes(run, page.rows, target, [s.variant for s in chosen.summaries])
        if not changes:
            return []
        cells = len(changes.changes) * len(changes.classes)
        caption = (
            f"Change of accuracy in percentage points against `{run.baseline}` by true class, on "
            "the same test images. Bold: the 95 % interval excludes no change (not corrected for "
            f"so many comparisons: of the {cells} cells drawn up to {round(ALPHA * cells + 0.5)} "
            "would be bold by chance)."
        )
        if changes.left_out:
            caption += f" The {MOST_CLASSES} classes that change most; {changes.left_out} are not."
        alt, caption = "Change of accuracy by class and variant", f"{caption} {chosen.note}".strip()
        return [Picture("classes", target, alt, caption, partial(_draw, page))]

    def content(self, page: Page) -> Sequence[str]:
        """The picture."""
        return [page.picture("classes")]


def _draw(page: Page) -> Figure:
    from compbench.report.pictures.classes import class_heat_map

    return class_heat_map(page.run, page.rows, page.summaries, page.target)
