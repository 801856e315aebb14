"""Published figures beside ours."""

from __future__ import annotations

from collections.abc import Sequence

from compbench.report.section import Page, SectionBase, Table, markdown
from compbench.results.record import Run
from compbench.statistics.summary import Summaries


def references(run: Run, summaries: Summaries, target: str) -> Table:
    """Published figures beside ours."""
    return [
        {
            "variant": name,
            "ours": run.headline.interval_text(summaries.find(name, target).quality),
            "published": run.headline.text(reference["value"]),
            "source": reference["source"],
        }
        for name, reference in run.references.items()
    ]


class Section(SectionBase):
    """Published figures beside ours, where the suite names some."""

    order = 210
    per_target = True
    title = "Published figures"

    def content(self, page: Page) -> Sequence[str]:
        """A row for each reference."""
        return [markdown(references(page.run, page.summaries, page.target))]
