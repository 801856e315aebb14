"""Which variants a picture shows: all, or the baseline, the front and some others; pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import TypeVar

import numpy as np

from compbench.results.record import Run
from compbench.results.row_index import Rows
from compbench.statistics.lineage import last_step
from compbench.statistics.summary import Summaries, Summary

_T = TypeVar("_T")

MOST = 24  # rows that stay readable in one picture
MOST_SWEEPS = 5  # curves by temperature in one picture
MOST_LABELS = 10  # classes of one image whose probabilities stay readable
MOST_SHIFTED = 8  # curves by severity that stay apart in a panel
MOST_OF_FAMILY = 7  # lines of one colour in a panel that stay apart


@dataclass(frozen=True)
class Shown:
    """The summaries that a picture shows, the fastest first, and how many it leaves out."""

    summaries: tuple[Summary, ...]
    left_out: int

    @property
    def note(self) -> str:
        """Says what was left out; empty where nothing was."""
        if not self.left_out:
            return ""
        return (
            f"{len(self.summaries)} of {len(self.summaries) + self.left_out} variants are shown: "
            "the baseline, those that are or may be on the Pareto front, and an even choice of "
            "the others by latency."
        )


def is_timed(summary: Summary) -> bool:
    """Whether it has what the pictures of speed show."""
    return bool(summary.quality and summary.p50_ns and summary.size_bytes)


def is_right_somewhere(summary: Summary) -> bool:
    """Whether its quality was measured."""
    return summary.quality is not None


def has_curves(summary: Summary) -> bool:
    """Whether it was measured on shifted samples."""
    found = summary.degradation
    return found is not None and any(len(curve) > 1 for curve in found.curves.values())


def shown(
    run: Run,
    summaries: Summaries,
    target: str,
    has_figures: Callable[[Summary], bool] = is_timed,
    most: int = MOST,
) -> Shown:
    """At most `most` of those that have figures: baseline, front, then evenly others by latency."""
    measured = sorted(filter(has_figures, summaries.of(target)), key=_latency)
    if len(measured) <= most:
        return Shown(tuple(measured), 0)
    first = [s for s in measured if s.variant == run.baseline]
    ahead = [s for s in measured if is_ahead(summaries, s) and s not in first]
    first += evenly(ahead, most - len(first))
    names = {s.variant for s in first}
    others = evenly([s for s in measured if s.variant not in names], most - len(first))
    names |= {s.variant for s in others}
    return Shown(tuple(s for s in measured if s.variant in names), len(measured) - len(names))


def is_ahead(summaries: Summaries, summary: Summary) -> bool:
    """Whether it is on its target's Pareto front, or may be."""
    return is_surely_ahead(summaries, summary) or _place(summary) in summaries.may_be_on_front


def is_surely_ahead(summaries: Summaries, summary: Summary) -> bool:
    """Whether it is shown to be on its target's Pareto front."""
    return _place(summary) in summaries.on_front


def font(summaries: Summaries, summary: Summary) -> dict[str, str]:
    """Of its name, as in tables: bold on the front, italic where it may be on it."""
    if is_surely_ahead(summaries, summary):
        return {"fontweight": "bold"}
    return {"fontstyle": "italic"} if is_ahead(summaries, summary) else {}


def _place(summary: Summary) -> tuple[str, str]:
    return summary.variant, summary.target


def front(run: Run, summaries: Summaries, target: str, most: int) -> list[str]:
    """At most `most` that are or may be on the front, the fastest first, without the baseline."""
    ahead = [s for s in summaries.of(target) if is_ahead(summaries, s)]
    names = [s.variant for s in sorted(ahead, key=_latency) if s.variant != run.baseline]
    return evenly(names, most)


def evenly(items: Sequence[_T], most: int) -> list[_T]:
    """At most `most` items, evenly spread, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    if most < 1:
        return []
    return [items[i] for i in np.linspace(0, len(items) - 1, most).round().astype(int)]


def trained(run: Run, rows: Rows) -> dict[str, list[str]]:
    """The variants that have a training history, by family."""
    found: dict[str, list[str]] = {}
    for variant in run.variants:
        if any(row.samples for row in rows.of(variant, "history")):
            found.setdefault(last_step(run, variant), []).append(variant)
    return found


def curves(run: Run, rows: Rows) -> dict[str, list[str]]:
    """Those of them that the picture of training draws."""
    found = trained(run, rows)
    return {family: evenly(names, MOST_OF_FAMILY) for family, names in found.items()}


def _latency(summary: Summary) -> float:
    return summary.p50_ns or inf
