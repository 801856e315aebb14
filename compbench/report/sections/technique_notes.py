"""What the techniques said of their own work."""

from __future__ import annotations

from collections.abc import Sequence

from compbench.errors import printable
from compbench.report.section import Page, SectionBase, Table, markdown
from compbench.results.record import Run
from compbench.results.row_index import Rows


def said(run: Run, rows: Rows) -> Table:
    """A row for each note of a variant, and the seeds where it was said if not of all."""
    found = []
    for variant in run.variants:
        seeds: dict[str, list[int]] = {}
        for row in rows.of(variant, "notes"):
            for text in row.samples["text"]:
                seeds.setdefault(printable(str(text)), []).append(row.seed)
        for text, at in seeds.items():
            of = "" if len(at) == len(run.seeds) else f" (seed {', '.join(map(str, sorted(at)))})"
            found.append({"variant": f"{variant}{of}", "note": text})
    return found


class Section(SectionBase):
    """What was left as it is, could not be reached or was done otherwise than asked."""

    order = 315
    title = "What the techniques say of their work"
    level = 2

    def content(self, page: Page) -> Sequence[str]:
        """A row for each note."""
        return [markdown(said(page.run, page.rows))]
