"""Summaries -> tables of the files as they are deployed: time, memory, load, parity; pure."""

from __future__ import annotations

from compbench import text
from compbench.results import Row, Run
from compbench.stats import Rows
from compbench.summaries import Summaries, Summary
from compbench.tables import Table


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
