"""The report's title, and what the suite says of itself."""

from __future__ import annotations

from collections.abc import Sequence

from compbench import safe_markdown
from compbench.report.section import Page, SectionBase


class Section(SectionBase):
    """The first lines of the file."""

    order = 0
    level = 1
    begins_chapter = True

    def heading(self, page: Page) -> str:
        """The question that every report answers."""
        return f"{page.run.suite}: which compression to take"

    def content(self, page: Page) -> Sequence[str]:
        """The suite's description."""
        return [safe_markdown.unfenced(page.run.description.strip())]
