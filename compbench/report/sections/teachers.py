"""Taught students beside those without a teacher."""

from __future__ import annotations

from collections.abc import Sequence

from compbench import units
from compbench.report.section import Page, SectionBase, Table, with_legend
from compbench.report.wording import verdict
from compbench.results.record import Run
from compbench.results.row_index import Rows
from compbench.statistics.teaching import taught_pairs


def distillations(run: Run, rows: Rows, target: str) -> Table:
    """Each taught student beside the same net trained without a teacher."""
    return [
        {
            "student": p.student,
            "taught by": p.parent,
            "same net, no teacher": p.control,
            "accuracy change": units.points(p.change),
            "verdict": verdict(p.change),
        }
        for p in taught_pairs(run, rows, target)
    ]


class Section(SectionBase):
    """Whether being taught was worth it."""

    order = 150
    per_target = True
    title = "Did a teacher help?"

    def content(self, page: Page) -> Sequence[str]:
        """A row for each taught student with a control."""
        return with_legend(distillations(page.run, page.rows, page.target), _LEGEND)


_LEGEND = (
    "Paired on the same test images, means over seeds; each verdict is by its own 95 % interval, "
    "so of twenty without any effect one would be called one."
)
