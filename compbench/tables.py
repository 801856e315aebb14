"""Summaries -> the rows of a report's tables, as text; pure."""

from __future__ import annotations

from itertools import groupby, islice

from compbench import environment, text
from compbench.classes import added_confusions
from compbench.findings import spread_text
from compbench.gallery import MOST_CONFUSED
from compbench.results import Row, Run
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


def latency(summaries: Summaries, target: str) -> Table:
    """What one inference takes, beyond the median."""
    return [
        {
            "variant": s.variant,
            "p50": text.time_text(s.p50_ns),
            "p90": text.time_text(s.p90_ns),
            "p99": text.time_text(s.p99_ns),
            "runs": text.count_text(s.runs),
            "CPU time": text.time_text(s.cpu_ns),
            "MACs/s of the peak": text.share(s.peak_share),
        }
        for s in summaries.of(target)
        if s.p50_ns is not None
    ]


def memory(summaries: Summaries, target: str) -> Table:
    """What a process of its own needs for a variant; the first column is without any model."""
    columns = {
        "runtime alone": "base_bytes",
        "loaded": "loaded_bytes",
        "after the first run": "first_run_bytes",
        "at rest": "rest_bytes",
        "peak": "peak_bytes",
    }
    return [
        {
            "variant": s.variant,
            "file": text.bytes_text(s.size_bytes),
            **{label: text.bytes_text(s.footprint[name]) for label, name in columns.items()},
            "the model's": text.bytes_text(s.footprint["rest_bytes"] - s.footprint["base_bytes"]),
            "session created in": text.time_text(s.footprint["create_ns"]),
            "first run": text.time_text(s.footprint["first_run_ns"]),
        }
        for s in summaries.of(target)
        if s.footprint
    ]


def load(run: Run, rows: Rows, target: str) -> Table:
    """MLPerf LoadGen's scenarios with its own verdict, of the first seed."""
    kinds = run.targets[target].get("loadgen", {}).get("scenarios", ())
    found = [
        (kind, row) for kind in kinds for v in run.variants for row in _first(rows, v, kind, target)
    ]
    return [_load_row(kind, row) for kind, row in found]


def _first(rows: Rows, variant: str, kind: str, target: str) -> list[Row]:
    return rows.of(variant, f"loadgen_{kind}", target)[:1]


def _load_row(kind: str, row: Row) -> dict[str, str]:
    found = {"scenario": kind, "variant": row.variant}
    if row.status != "ok":
        return found | {"verdict": row.status, "why": row.reason}
    names, values = row.samples["name"], row.samples["value"]
    figures = {str(name): float(value) for name, value in zip(names, values, strict=True)}
    rates = ("samples_per_second", "completed_samples_per_sec", "qps_with_loadgen_overhead")
    rate = next((figures[f"result_{r}"] for r in rates if f"result_{r}" in figures), None)
    if kind == "multi_stream":
        rate = 1e9 * row.batch_size / figures["result_mean_latency_ns"]
    for share in ("50.00", "90.00", "99.00"):  # all images of `offline` are one query
        ns = figures[f"result_{share}_percentile_latency_ns"] if kind != "offline" else None
        found[f"p{float(share):.0f}"] = text.time_text(ns)
    return found | {
        "images/s": text.count_text(rate),
        "queries": text.count_text(figures["result_query_count"]),
        "verdict": "INVALID" if row.reason else "VALID",
        "why": row.reason,
    }


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


def files(run: Run, rows: Rows, summaries: Summaries, target: str) -> Table:
    """What each file is, and whether it computes what was validated."""
    return [_file_row(run, rows, s) for s in summaries.of(target) if s.parity_max_abs is not None]


def _file_row(run: Run, rows: Rows, s: Summary) -> dict[str, str]:
    variant = run.variants[s.variant]
    file = {name: str(column[0]) for name, column in rows.of(s.variant, "file")[0].samples.items()}
    weights = rows.of(s.variant, "weights")[0].samples
    types = [
        f"{text.count_text(count)} {name}"
        for name, count in zip(weights["type"], weights["count"], strict=True)
    ]
    placed = rows.of(s.variant, "placement", s.target)[0].samples
    where = [
        f"{str(provider).removesuffix('ExecutionProvider')} {nodes}"
        for provider, nodes in zip(placed["provider"], placed["nodes"], strict=True)
    ]
    return {
        "variant": s.variant,
        "compared with": "its torch module" if variant["torch"] else f"`{variant['parents'][0]}`",
        "largest logit difference": f"{s.parity_max_abs:.1e}",
        "same class": text.share(s.parity_agreement, 2),
        "sha256 (seed " + str(run.seeds[0]) + ")": f"`{file['sha256'][:12]}`",
        "opset": file["opset"],
        "weights": ", ".join(types),
        "nodes on": ", ".join(where),
    }


def environment_rows(run: Run) -> Table:
    """The machine and its software."""
    record = {name: run.environment.get(name) for name in environment.FIELDS}
    record["memory_bytes"] = text.bytes_text(record["memory_bytes"])
    record["versions"] = ", ".join(f"{n} {v}" for n, v in (record["versions"] or {}).items())
    record["flags"] = ", ".join(record["flags"] or ()) or "none of those that matter"
    record["virtual"] = "yes" if record["virtual"] else "no"
    if record["runtime"]:
        runtime = record["runtime"]
        record["runtime"] = (
            f"{runtime['package']} with {', '.join(runtime['providers'])}; "
            f"build: {runtime['build']}"
        )
    return [
        {"": label, "value": str(record[name] if record[name] is not None else "none")}
        for name, label in environment.FIELDS.items()
    ]
