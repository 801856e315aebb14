"""Which classes are taken for others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from itertools import groupby, islice
from typing import TYPE_CHECKING

from compbench import units
from compbench.report.pictures.selection import front
from compbench.report.section import Page, Picture, SectionBase, Table, markdown
from compbench.results.record import Run
from compbench.results.row_index import Rows
from compbench.statistics.classes import added_confusions
from compbench.statistics.summary import Summaries

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 6  # variants whose confusions are shown
_MOST_PAIRS = 5  # newly confused classes of a variant


def confusions(run: Run, rows: Rows, summaries: Summaries, target: str) -> Table:
    """The class pairs that the variants on the front confuse more often than the baseline."""
    ahead = front(run, summaries, target, MOST)
    found: Table = []
    for variant, group in groupby(
        added_confusions(run, rows, target, ahead), lambda confusion: confusion.variant
    ):
        pairs = [
            f"{c.true_class} → {c.predicted_class}: {c.images:.3g} (+{c.added:.3g})"
            for c in islice(group, _MOST_PAIRS)
        ]
        head = f"true → predicted: test {run.noun}s (more)"
        found.append({"variant": variant, head: ", ".join(pairs)})
    return found


class Section(SectionBase):
    """Which classes the best variants take for others, more often than the baseline does."""

    order = 200
    per_target = True
    title = "What is newly confused"

    def pictures(self, page: Page) -> Sequence[Picture]:
        """Bars of class pairs, where the run kept what was taken for what."""
        run, target = page.run, page.target
        ahead = front(run, page.summaries, target, MOST)
        found = Counter(c.variant for c in added_confusions(run, page.rows, target, ahead))
        if not found:
            return []
        alt = "Classes that variants confuse more often than the baseline"
        caption = (
            "Pairs “true → predicted” of which a variant that is or may be on the Pareto front has "
            f"more test {run.noun}s than `{run.baseline}` (means over seeds): {_drawn(found)}."
        )
        others = len(front(run, page.summaries, target, len(run.variants))) - len(ahead)
        if others:
            are = "is" if others == 1 else "are"
            caption += f" {units.counted(others, 'more variant')} on the front {are} left out."
        return [Picture("confusions", target, alt, caption, partial(_draw, page))]

    def content(self, page: Page) -> Sequence[str]:
        """The picture, and the same in figures."""
        table = confusions(page.run, page.rows, page.summaries, page.target)
        picture = page.picture("confusions")
        return [picture, markdown(table)] if picture else []


def _drawn(found: Counter[str]) -> str:
    """How many pairs are drawn, of all that there are of the variants drawn."""
    drawn, there = sum(min(_MOST_PAIRS, n) for n in found.values()), sum(found.values())
    some = f"{drawn} of " if drawn < there else ""
    first = ", of each variant those with the most more" if drawn < there else ""
    pairs, variants = units.counted(there, "pair"), units.counted(len(found), "variant")
    return f"{some}{pairs} of {variants}{first}"


def _draw(page: Page) -> Figure:
    from compbench.report.pictures.classes import confusion_bars

    return confusion_bars(page.run, page.rows, page.summaries, page.target, MOST)
