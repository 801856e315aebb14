"""Latency and throughput."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from compbench import units
from compbench.report.pictures.selection import shown
from compbench.report.section import Page, Picture, SectionBase, Table, with_legend
from compbench.statistics.intervals import Interval
from compbench.statistics.summary import Summaries

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def latency(summaries: Summaries, target: str) -> Table:
    """What one inference takes, beyond the median."""
    return [
        {
            "variant": s.variant,
            "p50": units.time_text(s.p50_ns),
            "p90": _percentile(s.p90_ns),
            "p99": _percentile(s.p99_ns),
            "runs": units.count_text(s.runs),
            "CPU time": units.time_text(s.cpu_ns),
            "MACs/s of the peak": units.share(s.peak_share),
        }
        for s in summaries.of(target)
        if s.p50_ns is not None
    ]


def _percentile(found: Interval | None) -> str:
    """1.23 ms (1.20 ms–1.31 ms)."""
    if found is None:
        return units.NOTHING
    value, low, high = map(units.time_text, found)
    return f"{value} ({low}–{high})"


class Section(SectionBase):
    """One inference's time beyond the median, with all its runs in a picture."""

    order = 220
    per_target = True
    title = "Latency in detail"

    def pictures(self, page: Page) -> Sequence[Picture]:
        """Every variant's kept runs."""
        chosen = shown(page.run, page.summaries, page.target)
        if not chosen.summaries:
            return []
        alt, caption = "Distribution of latencies by variant", f"{_CAPTION} {chosen.note}".strip()
        return [Picture("latency", page.target, alt, caption, partial(_draw, page))]

    def content(self, page: Page) -> Sequence[str]:
        """The table, then the picture."""
        table = latency(page.summaries, page.target)
        return [*with_legend(table, _LEGEND), page.picture("latency")]


_LEGEND = (
    "Percentiles are of all kept runs, p90 and p99 with 95 % intervals over launches; – where the "
    "launches saw too little of the tail. Noise lasts about 0.1 s, within which all is slow "
    "together, so that ten such stretches must lie beyond a percentile: p90 needs launches of 10 s "
    "together and 100 turns, p99 100 s and 1,000 turns (`seconds_per_arm`), and neither interval "
    "may reach beyond the slowest run. CPU time counts all threads. The peak is what large float32 "
    "matrix products reached in the same processes; 8-bit arithmetic can exceed it."
)
_CAPTION = (
    "Every kept run of every launch and seed on a logarithmic axis, each hill as high as the "
    "others and drawn in square roots of counts, which show tails; percentiles only where "
    "there are runs enough to support them. The slowest run is in the last column, beyond the "
    "axis where it must be."
)


def _draw(page: Page) -> Figure:
    from compbench.report.pictures.speed import latency_hills

    return latency_hills(page.run, page.rows, page.summaries, page.target)
