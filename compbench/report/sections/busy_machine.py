"""That the machine had other work while it measured, where it had."""

from __future__ import annotations

from collections.abc import Sequence

from compbench.report.section import Page, SectionBase
from compbench.statistics.certainty import busy_machine


class Section(SectionBase):
    """A warning before all figures."""

    order = 5

    def content(self, page: Page) -> Sequence[str]:
        """A line for each target that was disturbed."""
        told = [busy_machine(page.summaries, t, page.run.baseline) for t in page.run.targets]
        return [f"**Busy machine.** {line}" for line in told if line]
