"""Taught students beside those without a teacher."""

from __future__ import annotations

from collections.abc import Sequence

from compbench import units
from compbench.headline import ACCURACY, Headline
from compbench.report.section import Page, SectionBase, Table, with_legend
from compbench.report.wording import HOLM, basis, verdict, whose
from compbench.statistics.teaching import Helped, helped


def distillations(found: Helped, headline: Headline = ACCURACY) -> Table:
    """Each taught student beside the same net trained without a teacher."""
    return [
        {
            "student": p.student,
            "taught by": p.parent,
            "same net, no teacher": p.control,
            f"{headline.label} change": headline.change_text(p.change.interval),
            "p": units.p_value(p.change.p_value),
            "verdict": verdict(p.change),
            "about": whose(p.change.seeds),
        }
        for p in found.pairs
    ]


class Section(SectionBase):
    """Whether being taught was worth it."""

    order = 150
    per_target = True
    title = "Did a teacher help?"

    def content(self, page: Page) -> Sequence[str]:
        """A row for each taught student with a control."""
        found = helped(page.run, page.rows, page.target)
        count = len(found.changes)
        legend = (
            f"Paired on the same test {page.run.noun}s, means over seeds, each interval of one "
            f"comparison; p {HOLM} for the {units.counted(count, 'comparison')} of teachers and "
            f"assistants on this target. {basis(page.run)}"
        )
        return with_legend(distillations(found, page.run.headline), legend)
