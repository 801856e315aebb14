"""The deployed files."""

from __future__ import annotations

from collections.abc import Sequence

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
    file = {name: str(column[0]) for name, column in rows.of(s.variant, "file")[0].samples.items()}
    weights = rows.of(s.variant, "weights")[0].samples
    types = [
        f"{units.count_text(count)} {name}"
        for name, count in zip(weights["type"], weights["count"], strict=True)
    ]
    placed = rows.of(s.variant, "placement", s.target)[0].samples
    where = [
        f"{str(provider).removesuffix('ExecutionProvider')} {nodes}"
        for provider, nodes in zip(placed["provider"], placed["nodes"], strict=True)
    ]
    answer, same = ("logit", "same class") if run.has_classes else ("output", "same answers")
    return {
        "variant": s.variant,
        "compared with": "its torch module" if variant["torch"] else f"`{variant['parents'][0]}`",
        f"largest {answer} difference": f"{s.parity_max_abs:.1e}",
        same: units.share(s.parity_agreement, 2),
        "sha256 (seed " + str(run.seeds[0]) + ")": f"`{file['sha256'][:12]}`",
        "opset": file["opset"],
        "weights": ", ".join(types) or ("unknown" if s.parameters is None else "none"),
        "nodes on": ", ".join(where),
    }


class Section(SectionBase):
    """The files themselves: what they are, and their parity."""

    order = 250
    per_target = True
    title = "The files: do they compute what was validated?"

    def content(self, page: Page) -> Sequence[str]:
        """A row for each file."""
        return [markdown(files(page.run, page.rows, page.summaries, page.target))]
