"""File size and speed-up of each variant, in a picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from compbench import units
from compbench.report.pictures.selection import shown
from compbench.report.section import Page, Picture, SectionBase

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Section(SectionBase):
    """Bars of bytes and of speed-ups."""

    order = 115
    per_target = True

    def pictures(self, page: Page) -> Sequence[Picture]:
        """The timed variants, of many some."""
        chosen = shown(page.run, page.summaries, page.target)
        if not chosen.summaries:
            return []
        caption = (
            f"Bytes of the ONNX file and of the same file packed with zstd; speed-up against "
            f"`{page.run.baseline}` with its 95 % interval over launches; "
            f"{units.UNSURE}: noise could explain it. {chosen.note}"
        ).strip()
        alt = "File size and speed-up by variant"
        return [Picture("speed", page.target, alt, caption, partial(_draw, page))]

    def content(self, page: Page) -> Sequence[str]:
        """The picture."""
        return [page.picture("speed")]


def _draw(page: Page) -> Figure:
    from compbench.report.pictures.speed import size_and_speed

    return size_and_speed(page.run, page.summaries, page.target)
