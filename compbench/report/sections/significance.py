"""Which differences chance can't explain."""

from __future__ import annotations

from collections.abc import Sequence

from compbench import units
from compbench.report.section import Page, SectionBase, Table, with_legend
from compbench.report.wording import spread_text
from compbench.results.record import Run
from compbench.statistics.intervals import ALPHA
from compbench.statistics.summary import Summaries


def chance(run: Run, summaries: Summaries, target: str) -> Table:
    """Which differences to the baseline chance could explain; seeds apart from test images."""
    return [
        {
            "variant": s.variant,
            "accuracy change": units.change_cell(s.change, s.more_accurate),
            "p (McNemar)": units.p_value(s.change_p),
            "accuracy is": _SIDES[s.more_accurate] if s.change_p is not None else units.NOTHING,
            "seeds' sd (pp)": spread_text(s),
            "speed-up": units.speed_cell(s.speedup, s.faster),
            "p (t over launches)": units.p_value(s.speedup_p),
            "it is": _SPEEDS[s.faster] if s.speedup_p is not None else units.NOTHING,
        }
        for s in summaries.of(target)
        if s.variant != run.baseline and (s.change or s.speedup)
    ]


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
    return (
        "p: the chance of a difference as large if there were none, of McNemar's exact test on "
        "the same test images and of a t-test over launches, adjusted by Holm's procedure for "
        f"the {len(run.variants) - 1} variants compared here; a difference is called one below "
        f"{ALPHA:.2f}, and for speed only beyond the noise floor. Intervals are each of one "
        "comparison, not adjusted. The interval of an accuracy is about other test images; the "
        "spread over seeds, about training again, stands beside it and is in no interval."
    )
