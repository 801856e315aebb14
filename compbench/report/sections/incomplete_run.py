"""What a run lacks that a report would need."""

from __future__ import annotations

from collections.abc import Sequence

from compbench.report.section import Page, SectionBase
from compbench.statistics.gaps import WARNING


class Section(SectionBase):
    """A warning, where something is missing."""

    order = 10

    def content(self, page: Page) -> Sequence[str]:
        """What is missing, in one line."""
        if not page.gaps:
            return []
        return [f"**{WARNING} report.** Missing: {'; '.join(page.gaps)}."]
