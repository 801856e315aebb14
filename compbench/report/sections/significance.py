"""Which differences chance can't explain."""

from __future__ import annotations

from collections.abc import Sequence

from compbench import units
from compbench.headline import Headline
from compbench.report.section import Page, SectionBase, Table, with_legend
from compbench.report.wording import (
    HOLM,
    basis,
    file_test,
    spread_head,
    spread_text,
    whose,
)
from compbench.results.record import Run
from compbench.statistics.intervals import ALPHA
from compbench.statistics.summary import Summaries, Summary


def chance(run: Run, summaries: Summaries, target: str) -> Table:
    """Which differences to the baseline chance could explain; these files apart from techniques."""
    return [
        _row(s, run.headline, len(run.seeds) > 1)
        for s in summaries.of(target)
        if s.variant != run.baseline and (s.change or s.speedup)
    ]


def _row(s: Summary, metric: Headline, has_seeds: bool) -> dict[str, str]:
    p = s.change_p if s.technique_change is None else s.technique_p
    row = {
        "variant": s.variant,
        f"{metric.label} change": metric.change_cell(s.judged_change, s.better),
        "p": units.p_value(p),
        f"{metric.label} is": units.NOTHING if p is None else _side(metric, s.better),
        "about": whose(s.change_seeds) if s.change else units.NOTHING,
    }
    if has_seeds:
        row[spread_head(metric)] = spread_text(s, metric)
        row["these files alone"] = (
            units.NOTHING
            if s.change_p is None
            else f"{_side(metric, s.file_better)} (p {units.p_value(s.change_p)})"
        )
    return row | {
        "speed-up": units.speed_cell(s.speedup, s.faster),
        "p (t over launches)": units.p_value(s.speedup_p),
        "it is": units.NOTHING if s.speedup_p is None else _SPEEDS[s.faster],
    }


def _side(metric: Headline, better: int) -> str:
    """Where its value lies, of one that is better (+1), worse (-1) or not told apart (0)."""
    return _SIDES[int(metric.gain(better))]


_SIDES = {1: "higher", -1: "lower", 0: "not distinguishable"}
_SPEEDS = {1: "faster", -1: "slower", 0: "not distinguishable"}


class Section(SectionBase):
    """Differences beside the chance of them."""

    order = 120
    per_target = True
    title = "Could it be chance?"

    def content(self, page: Page) -> Sequence[str]:
        """A row for each variant but the baseline."""
        return with_legend(chance(page.run, page.summaries, page.target), _legend(page.run))


def _legend(run: Run) -> str:
    test = f"{file_test(run.headline)} on the same test {run.noun}s"
    files = (
        f" These files alone: by {test}; of other {run.noun}s, not of training again."
        if len(run.seeds) > 1
        else f" Its p is of {test}."
    )
    others = len(run.variants) - 1
    return (
        f"p: the chance of a difference as large if there were none, {HOLM} for the "
        f"{units.counted(others, 'variant')} compared here; a difference is called one below "
        f"{ALPHA:.2f}, and for speed (by a t-test over launches, of these files) only beyond the "
        "noise floor. Intervals are each of one comparison, not adjusted. "
        f"{basis(run)}{files}"
    )
