"""Loss and quality by epoch, in a picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from compbench.report.pictures.selection import curves, trained
from compbench.report.section import Page, Picture, SectionBase
from compbench.results.record import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Section(SectionBase):
    """How the variants were trained; what it cost stands below."""

    order = 320
    title = "Training"
    level = 2
    begins_chapter = True

    def pictures(self, page: Page) -> Sequence[Picture]:
        """Curves of all that were trained."""
        there, drawn = (
            sum(map(len, found(page.run, page.rows).values())) for found in (trained, curves)
        )
        if not there:
            return []
        left_out = f" {drawn} of {there} trained variants are drawn." if drawn < there else ""
        return [
            Picture(
                "training", "", _alt(page.run), _caption(page.run) + left_out, partial(_draw, page)
            )
        ]

    def content(self, page: Page) -> Sequence[str]:
        """The picture."""
        return [page.picture("training")]


def _alt(run: Run) -> str:
    return f"Training loss and validation {run.headline.label} by epoch"


def _caption(run: Run) -> str:
    return (
        "Means over seeds; a dot marks the epoch that was kept, the best by validation "
        f"{run.headline.label}. Colours are families, dashes tell the variants of one apart. "
        "Losses are each technique's own and compare within a technique only."
    )


def _draw(page: Page) -> Figure:
    from compbench.report.pictures.training import training_curves

    return training_curves(page.run, page.rows)
