"""What being taught cost, beside the teachers, and by which keys these are known."""

from __future__ import annotations

from collections.abc import Sequence

from compbench import units
from compbench.report.section import Page, SectionBase, Table, with_legend
from compbench.results.record import Run
from compbench.results.row_index import Rows
from compbench.statistics.lineage import teacher

_AGAIN = "if asked for each batch (s)"
_KEY = 12  # of its letters, which tell artifacts apart


def teaching_costs(run: Run, rows: Rows) -> Table:
    """What each taught variant took, beside what its teachers took."""
    table = []
    for name in run.variants:
        own = rows.mean(name, "make_seconds")
        if teacher(run, name) is None or own is None:
            continue
        parents = run.variants[name]["parents"]
        seconds = [s for p in parents if (s := rows.mean(p, "make_seconds")) is not None]
        table.append(
            {
                "student": name,
                "taught by": " + ".join(parents),
                "by key": " + ".join(_key(rows, parent) for parent in parents),
                "own (s)": units.seconds_text(own),
                "own / teachers'": _share(own, sum(seconds) if len(seconds) == len(parents) else 0),
                **_asked(rows, name, own),
            }
        )
    return table


def _asked(rows: Rows, name: str, own: float) -> dict[str, str]:
    """What asking the teachers took, and what it would have taken in each epoch."""
    asked = rows.mean(name, "asking_seconds")
    if asked is None:  # none was asked so, or by an older compbench
        return {}
    if not asked:
        return {"asked": "for each batch"}
    epochs = [len(row.samples["epoch"]) for row in rows.of(name, "history") if row.samples]
    again = sum(epochs) / len(epochs) - 1 if epochs else 0
    told = {"asked": f"once, {units.seconds_text(asked)} s"}
    return {**told, _AGAIN: units.seconds_text(own + again * asked)}


def _key(rows: Rows, variant: str) -> str:
    """The key of the artifact of the first seed."""
    found = rows.of(variant, "make_seconds")
    return found[0].key[:_KEY] if found else units.NOTHING


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %" if whole else units.NOTHING


class Section(SectionBase):
    """What teaching cost, below what all variants cost."""

    order = 331
    title = "What teaching cost"

    def content(self, page: Page) -> Sequence[str]:
        """A row for each taught variant that was made."""
        table = teaching_costs(page.run, page.rows)
        legend = (
            "Wall time of making them on this machine, means over seeds; keys are those of seed "
            f"{page.run.seeds[0]}, and `compbench verify FILE` compares them with the store."
        )
        if any(_AGAIN in row for row in table):
            legend += (
                " Where samples look alike in each epoch teachers are asked once for all; the last "
                "column is computed from what that took, and from the epochs that were trained."
            )
        return with_legend(table, legend)
