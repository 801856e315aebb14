"""Latency and throughput."""

from __future__ import annotations

from compbench import units
from compbench.report.section import Table
from compbench.statistics.summary import Summaries


def latency(summaries: Summaries, target: str) -> Table:
    """What one inference takes, beyond the median."""
    return [
        {
            "variant": s.variant,
            "p50": units.time_text(s.p50_ns),
            "p90": units.time_text(s.p90_ns),
            "p99": units.time_text(s.p99_ns),
            "runs": units.count_text(s.runs),
            "CPU time": units.time_text(s.cpu_ns),
            "MACs/s of the peak": units.share(s.peak_share),
        }
        for s in summaries.of(target)
        if s.p50_ns is not None
    ]
