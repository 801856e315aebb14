"""What making each variant cost."""

from __future__ import annotations

from collections.abc import Sequence

from compbench import units
from compbench.report.section import Page, SectionBase, Table, with_legend
from compbench.results.record import Run
from compbench.statistics.lineage import ancestors, descent
from compbench.statistics.summary import Summaries


def costs(run: Run, summaries: Summaries) -> Table:
    """What making each variant took, with all its ancestors, beside the baseline."""
    made = {s.variant: s for s in reversed(summaries.all) if s.make_seconds is not None}
    whole = made[run.baseline].lineage_seconds if run.baseline in made else None
    beside = run.baseline + " and its ancestors" * bool(ancestors(run, run.baseline))
    return [
        {
            "variant": variant,
            "lineage": descent(run, variant, variant),
            "own (s)": units.seconds_text(made[variant].make_seconds),
            "with ancestors (s)": units.seconds_text(made[variant].lineage_seconds),
            f"own / {beside}": _over(made[variant].make_seconds, whole),
            f"lineage / {beside}": _over(made[variant].lineage_seconds, whole),
        }
        for variant in run.variants
        if variant in made
    ]


def _over(seconds: float | None, whole: float | None) -> str:
    return f"{100 * seconds / whole:.0f} %" if seconds is not None and whole else units.NOTHING


class Section(SectionBase):
    """What making the variants cost, below the training curves."""

    order = 330
    title = "What it cost"

    def content(self, page: Page) -> Sequence[str]:
        """A row for each variant that was made."""
        return with_legend(costs(page.run, page.summaries), _LEGEND)


_LEGEND = (
    "Wall time on this machine. A lineage counts each ancestor once, so variants that share a "
    "teacher share its cost."
)
