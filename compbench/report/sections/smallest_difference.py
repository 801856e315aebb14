"""The smallest difference in speed that a run could have seen."""

from __future__ import annotations

from collections.abc import Sequence

from compbench.report.section import Page, SectionBase
from compbench.statistics.certainty import smallest_difference


class Section(SectionBase):
    """A line below the main table."""

    order = 101
    per_target = True

    def content(self, page: Page) -> Sequence[str]:
        """One sentence."""
        return [smallest_difference(page.summaries, page.target)]
