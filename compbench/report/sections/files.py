"""The deployed files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compbench import units
from compbench.report.section import Page, SectionBase, Table, markdown
from compbench.results.record import Run
from compbench.results.row_index import Rows
from compbench.statistics.summary import Summaries, Summary


def files(run: Run, rows: Rows, summaries: Summaries, target: str) -> Table:
    """What each file is, and whether it computes what was validated."""
    return [_file_row(run, rows, s) for s in summaries.of(target) if s.parity_max_abs is not None]


def _file_row(run: Run, rows: Rows, s: Summary) -> dict[str, str]:
    variant = run.variants[s.variant]
    file = {name: str(column[0]) for name, column in rows.first(s.variant, "file").items()}
    digest = file.get("sha256", "")
    weights = rows.first(s.variant, "weights")
    types = [
        f"{units.count_text(count)} {name}"
        for name, count in zip(weights.get("type", ()), weights.get("count", ()), strict=True)
    ]
    placed = rows.first(s.variant, "placement", s.target)
    where = [
        f"{str(provider).removesuffix('ExecutionProvider')} {nodes}"
        for provider, nodes in zip(placed.get("provider", ()), placed.get("nodes", ()), strict=True)
    ]
    answer, same = ("logit", "same class") if run.has_classes else ("output", "same answers")
    return {
        "variant": s.variant,
        "compared with": _reference(variant),
        f"largest {answer} difference": f"{s.parity_max_abs:.1e}",
        same: units.share(s.parity_agreement, 2),
        f"sha256 (seed {run.seeds[0]})": f"`{digest[:12]}`" if digest else units.NOTHING,
        "opset": file.get("opset", units.NOTHING),
        "weights": ", ".join(types) or ("unknown" if s.parameters is None else "none"),
        "nodes on": ", ".join(where),
    }


def _reference(variant: dict[str, Any]) -> str:
    if variant["torch"]:
        return "its torch module"
    library = variant.get("library")
    return f"its model in {library}" if library else f"`{variant['parents'][0]}`"


class Section(SectionBase):
    """The files themselves: what they are, and their parity."""

    order = 250
    per_target = True
    title = "The files: do they compute what was validated?"

    def content(self, page: Page) -> Sequence[str]:
        """A row for each file."""
        return [markdown(files(page.run, page.rows, page.summaries, page.target))]
