"""Which classes are taken for others."""

from __future__ import annotations

from itertools import groupby, islice

from compbench.report.pictures.choose import front
from compbench.report.pictures.gallery import MOST_CONFUSED
from compbench.report.section import Table
from compbench.results.record import Run
from compbench.results.rows import Rows
from compbench.statistics.classes import added_confusions
from compbench.statistics.summary import Summaries

_MOST_PAIRS = 5  # newly confused classes of a variant


def confusions(run: Run, rows: Rows, summaries: Summaries, target: str) -> Table:
    """The class pairs that the variants on the front confuse more often than the baseline."""
    ahead = front(run, summaries, target, MOST_CONFUSED)
    found: Table = []
    for variant, group in groupby(
        added_confusions(run, rows, target, ahead), lambda confusion: confusion.variant
    ):
        pairs = [
            f"{c.true_class} → {c.predicted_class}: {c.images:.3g} (+{c.added:.3g})"
            for c in islice(group, _MOST_PAIRS)
        ]
        found.append({"variant": variant, "true → predicted: test images (more)": ", ".join(pairs)})
    return found
