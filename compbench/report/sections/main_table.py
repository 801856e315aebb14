"""The main table: every variant on the deciding target."""

from __future__ import annotations

from compbench import units
from compbench.report.section import Table
from compbench.report.sections.notes import spread_text
from compbench.report.sections.sizes import _bytes_text
from compbench.results.record import Run
from compbench.statistics.lineage import ancestors
from compbench.statistics.summary import Summaries, Summary


def main(run: Run, summaries: Summaries, target: str) -> Table:
    """Every variant on a target, also those without figures."""
    return [_main_row(run, summaries, s) for s in summaries.of(target)]


def _main_row(run: Run, summaries: Summaries, s: Summary) -> dict[str, str]:
    name = f"**{s.variant}**" if (s.variant, s.target) in summaries.on_front else s.variant
    lineage = " → ".join([*ancestors(run, s.variant), run.variants[s.variant]["technique"]])
    if s.reason:
        return {"variant": name, "lineage": lineage, "accuracy": s.reason.partition(":")[0]}
    is_baseline = s.variant == run.baseline
    row = {
        "variant": name,
        "lineage": lineage,
        "accuracy": units.percent(s.accuracy),
        f"vs {run.baseline}": "baseline" if is_baseline else units.points(s.change) + _unsure(s),
    }
    if len(run.seeds) > 1:
        row["seeds' sd (pp)"] = spread_text(s)
    sign = {1: "", -1: " slower", 0: " ≈"}[s.faster]
    row |= {
        "bytes": _bytes_text(s.size_bytes, None if is_baseline else s.size_ratio),
        "parameters": units.count_text(s.parameters),
        "MACs": units.count_text(s.macs),
        "p50": units.time_text(s.p50_ns),
        "speed-up": "baseline" if is_baseline else units.times(s.speedup) + sign,
    }
    for size in run.targets[s.target]["batch_sizes"]:
        row[f"images/s, batch {size}"] = units.count_text(s.throughput_per_s.get(size))
    own, lineage_s = units.seconds_text(s.make_seconds), units.seconds_text(s.lineage_seconds)
    row["cost s (lineage)"] = own if own == lineage_s else f"{own} ({lineage_s})"
    return row


def _unsure(s: Summary) -> str:
    return "" if s.more_accurate or s.change is None else " ≈"
