"""What teacher and student say of example images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from compbench import units
from compbench.report.pictures.selection import MOST_LABELS
from compbench.report.section import Page, Picture, SectionBase, Table, markdown
from compbench.results.record import Run
from compbench.results.row_index import Rows
from compbench.statistics.teaching import SoftLabels, soft_labels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def soft_label_table(run: Run, rows: Rows, target: str) -> Table:
    """The same as a report's table; empty where there is nothing to show."""
    found = soft_labels(run, rows, target)
    return found.table() if found else []


class Section(SectionBase):
    """Some test images, and what teacher and student say of them."""

    order = 180
    per_target = True
    title = "What the teacher taught"

    def pictures(self, page: Page) -> Sequence[Picture]:
        """Bars of class probabilities: they hardly differ by target, so on the first only."""
        found = soft_labels(page.run, page.rows, page.target) if page.is_first else None
        if not found:
            return []
        alt = "Class probabilities of teacher and student for some test images"
        caption = (
            f"The {_which(found, page.run.baseline)}, with the probabilities of "
            f"`{found.teacher}`, of `{found.student}`, which it taught, and of "
            f"`{found.control}`, the same net trained without it; seed {found.seed}. Shaded: the "
            "true class."
        )
        classes = len(found.examples[0].logits[found.teacher])
        if classes > MOST_LABELS:
            caption += f" Of each image the {MOST_LABELS} likeliest of {classes} classes."
        return [Picture("soft-labels", page.target, alt, caption, partial(_draw, page))]

    def content(self, page: Page) -> Sequence[str]:
        """The picture, and the same in figures."""
        picture = page.picture("soft-labels")
        table = soft_label_table(page.run, page.rows, page.target) if picture else []
        return [picture, markdown(table)]


def _which(found: SoftLabels, baseline: str) -> str:
    """Of a baseline that gave no logits while the run was made the first images are shown."""
    count = len(found.examples)
    if [one.index for one in found.examples] == [*range(count)]:
        return f"first {units.counted(count, 'test image')}"
    images = units.counted(count, "test image")
    return f"{images} that `{baseline}` doubts most (its two likeliest classes are closest)"


def _draw(page: Page) -> Figure:
    from compbench.report.pictures.teaching import soft_label_bars

    return soft_label_bars(page.run, page.rows, page.target)
