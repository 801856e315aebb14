"""Which epoch each training kept: a section of the report.

Put such a file into `compbench/report/sections/`: it is found there by its name, and no other file
has to know of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from compbench.report.section import Page, SectionBase, Table, with_legend


class Section(SectionBase):
    """Below the training curves, which are number 320; what it cost is 330."""

    order = 325
    title = "Which epoch was kept"

    def content(self, page: Page) -> Sequence[str]:
        """A row for each variant that was trained; without any, the section is not shown."""
        return with_legend(_table(page), _LEGEND)


_LEGEND = "The best by validation accuracy; the mean over seeds."


def _table(page: Page) -> Table:
    kept = {variant: page.rows.mean(variant, "history") for variant in page.run.variants}
    return [
        {"variant": variant, "epoch": f"{epoch:g}"}
        for variant, epoch in kept.items()
        if epoch is not None
    ]
