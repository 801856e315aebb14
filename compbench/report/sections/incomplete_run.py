"""What a run lacks that a report would need; pure."""

from __future__ import annotations

from collections.abc import Sequence

from compbench.report.section import Page, SectionBase
from compbench.results.record import Run
from compbench.results.row_index import Rows


def gaps(run: Run, rows: Rows) -> list[str]:
    """What a whole run would have rows of and this one has not, a line each."""
    found = [] if run.finished else ["the run has not come to its end"]
    for target in run.targets:
        for variant in run.variants:
            there = {r.seed for r in rows.of(variant, "score", target)}
            there |= {
                r.seed for r in (*rows.of(variant, "status"), *rows.of(variant, "status", target))
            }
            lost = [seed for seed in run.seeds if seed not in there]
            found += [f"`{variant}` on {target}: no rows of seed {seed}" for seed in lost]
        if not rows.of(run.baseline, "score", target):
            continue
        launches = {r.launch for r in rows.of(run.baseline, "latency_ns", target)}
        launches |= {r.launch for r in rows.of(run.baseline, "status", target)}
        lost = [i for i in range(run.measure["launches"]) if i not in launches]
        found += [f"{target}: no rows of launch {i + 1}" for i in lost]
    return found


class Section(SectionBase):
    """A warning, where something is missing."""

    order = 10

    def content(self, page: Page) -> Sequence[str]:
        """What is missing, in one line."""
        missing = "; ".join(gaps(page.run, page.rows))
        if not missing:
            return []
        return [f"**Incomplete: decide nothing by this report.** Missing: {missing}."]
