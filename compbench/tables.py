"""Summaries -> the rows of a report's tables, as text; pure."""

from __future__ import annotations

from itertools import groupby, islice

from compbench import text
from compbench.classes import added_confusions
from compbench.findings import spread_text
from compbench.gallery import MOST_CONFUSED
from compbench.results import Run
from compbench.shown import front
from compbench.stats import Rows, ancestors
from compbench.summaries import Summaries, Summary

Table = list[dict[str, str]]
_MOST_PAIRS = 5  # newly confused classes of a variant


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
        "accuracy": text.percent(s.accuracy),
        f"vs {run.baseline}": "baseline" if is_baseline else text.points(s.change) + _unsure(s),
    }
    if len(run.seeds) > 1:
        row["seeds' sd (pp)"] = spread_text(s)
    sign = {1: "", -1: " slower", 0: " ≈"}[s.faster]
    row |= {
        "bytes": _bytes_text(s.size_bytes, None if is_baseline else s.size_ratio),
        "parameters": text.count_text(s.parameters),
        "MACs": text.count_text(s.macs),
        "p50": text.time_text(s.p50_ns),
        "speed-up": "baseline" if is_baseline else text.times(s.speedup) + sign,
    }
    for size in run.targets[s.target]["batch_sizes"]:
        row[f"images/s, batch {size}"] = text.count_text(s.throughput_per_s.get(size))
    own, lineage_s = text.seconds_text(s.make_seconds), text.seconds_text(s.lineage_seconds)
    row["cost s (lineage)"] = own if own == lineage_s else f"{own} ({lineage_s})"
    return row


def _unsure(s: Summary) -> str:
    return "" if s.more_accurate or s.change is None else " ≈"


def across(run: Run, summaries: Summaries) -> Table:
    """p50 of each variant on each target, where more than one was measured."""
    targets = [t for t in run.targets if any(s.p50_ns for s in summaries.of(t))]
    if len(targets) < 2:
        return []
    return [
        {"variant": v, **{t: text.time_text(summaries.find(v, t).p50_ns) for t in targets}}
        for v in run.variants
    ]


def sizes(run: Run, summaries: Summaries) -> Table:
    """What each file holds and what it takes packed or coded: the same on every target."""
    measured = {s.variant: s for s in reversed(summaries.all) if s.size_bytes}
    return [_size_row(run, measured[variant]) for variant in run.variants if variant in measured]


def _size_row(run: Run, s: Summary) -> dict[str, str]:
    nonzero = text.count_text(s.nonzero_parameters)
    if s.parameters and s.nonzero_parameters is not None:
        nonzero += f" ({text.share(s.nonzero_parameters / s.parameters)})"
    is_baseline = s.variant == run.baseline
    return {
        "variant": s.variant,
        "parameters": text.count_text(s.parameters),
        "non-zero": nonzero,
        "file": _bytes_text(s.size_bytes, None if is_baseline else s.size_ratio),
        "packed (zstd)": _bytes_text(s.packed_bytes, None if is_baseline else s.packed_ratio),
        "weights, coded": _bytes_text(s.coded_bytes, s.coded_ratio),
    }


def _bytes_text(size: float | None, ratio: float | None) -> str:
    return text.bytes_text(size) + (f" ({text.three_digits(ratio)}×)" if ratio else "")


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


def references(run: Run, summaries: Summaries, target: str) -> Table:
    """Published figures beside ours."""
    return [
        {
            "variant": name,
            "ours": text.percent(summaries.find(name, target).accuracy),
            "published": f"{100 * reference['accuracy']:.2f} %",
            "source": reference["source"],
        }
        for name, reference in run.references.items()
    ]
