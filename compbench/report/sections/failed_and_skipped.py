"""What has no figures, and why."""

from __future__ import annotations

from collections.abc import Sequence

from compbench.report.section import Page, SectionBase, Table, markdown
from compbench.results.record import Run
from compbench.results.row_index import Rows
from compbench.statistics.summary import Summaries


def absent(run: Run, rows: Rows, summaries: Summaries) -> Table:
    """Everything that was asked for and has no figures: skipped or failed, and why."""
    found = [
        {"variant": s.variant, "target": s.target, "what": "all figures", **_status(s.reason)}
        for s in summaries.all
        if s.reason
    ]
    for target in run.targets:
        for row in rows.of(run.baseline, "status", target):
            if row.launch >= 0:
                what = f"launch {row.launch + 1}"
                found.append(
                    {"variant": "all", "target": target, "what": what}
                    | _status(f"{row.status}: {row.reason}")
                )
    return found


def _status(reason: str) -> dict[str, str]:
    status, _, why = reason.partition(": ")
    return {"status": status, "why": why}


class Section(SectionBase):
    """What was asked for and has no figures."""

    order = 340
    title = "Without figures: skipped and failed"
    level = 2

    def content(self, page: Page) -> Sequence[str]:
        """A row for each variant, or launch."""
        return [markdown(absent(page.run, page.rows, page.summaries))]
