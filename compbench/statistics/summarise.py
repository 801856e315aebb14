"""Rows -> summaries: the only place where statistics are computed; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compbench.results.record import Run
from compbench.results.row import Row
from compbench.results.row_index import Rows
from compbench.statistics import throughput
from compbench.statistics.further_metrics import further
from compbench.statistics.intervals import (
    ALPHA,
    Interval,
    accuracy_interval,
    distinguishable,
    log_ratio_interval,
    paired_change,
    side,
)
from compbench.statistics.latency import percentile, timings, turn_logs
from compbench.statistics.lineage import ancestors
from compbench.statistics.parents import beside_parents
from compbench.statistics.pareto_front import beaten, is_comparable
from compbench.statistics.significance import holm, log_ratio_p, mcnemar_p
from compbench.statistics.speed import unless_opposed
from compbench.statistics.summary import Summaries, Summary

_SIZES = ("size_bytes", "packed_bytes", "coded_bytes")
Correct = dict[int, NDArray[np.uint8]]  # seed -> which samples were right


def summarise(run: Run, rows: Iterable[Row]) -> Summaries:
    """Every variant on every target."""
    found = Rows(rows)
    summaries: list[Summary] = []
    control, losers = {}, {}
    for target in run.targets:
        beside = _Baseline(run, found, target)
        if beside.control is not None:
            control[target] = beside.control
        drafts = [_draft(run, found, variant, beside) for variant in run.variants]
        here = _judged(run.baseline, drafts, beside.control)
        here = beside_parents(run, here, beside.control)
        here = throughput.beside_baseline(run, found, target, here, beside.control)
        losers |= {(v, target): by for v, by in beaten(here).items()}
        summaries += here
    measured = {(s.variant, s.target) for s in summaries if is_comparable(s)}
    return Summaries(tuple(summaries), control, frozenset(measured - losers.keys()), losers)


class _Baseline:
    """What all variants on a target are compared with, decoded once."""

    def __init__(self, run: Run, rows: Rows, target: str):
        self.target = target
        self.correct = _by_seed(rows.of(run.baseline, "accuracy", target))
        self.validation = _by_seed(rows.of(run.baseline, "validation_accuracy", target))
        self.turn_logs = turn_logs(rows.of(run.baseline, "latency_ns", target))
        self.sizes = {metric: rows.mean(run.baseline, metric) for metric in _SIZES}
        machine = rows.of(run.baseline, "machine", target)
        peaks = [float(row.samples["peak_macs_per_s"][0]) for row in machine]
        self.peak_macs_per_s = max(peaks, default=None)
        controls = rows.of(run.baseline, "control_latency_ns", target)
        self.control = log_ratio_interval(timings(controls, self.turn_logs).log_ratios)


def _draft(run: Run, rows: Rows, variant: str, beside: _Baseline) -> Summary:
    """A summary that is not yet judged among the others."""
    target = beside.target
    status = [*rows.of(variant, "status"), *rows.of(variant, "status", target)]
    status = [row for row in status if row.launch < 0]
    if status:
        return Summary(variant, target, reason=f"{status[0].status}: {status[0].reason}")
    timing = timings(rows.of(variant, "latency_ns", target), beside.turn_logs)
    ratios = [-x for x in timing.log_ratios]
    size, packed, coded = (rows.mean(variant, metric) for metric in _SIZES)
    base_size, base_packed, _ = beside.sizes.values()
    macs, p50_ns = rows.mean(variant, "macs"), timing.percentile(0.5)
    batch = run.targets[target]["batch_sizes"][0]
    return Summary(
        variant,
        target,
        **_accuracies(rows, variant, beside),
        size_bytes=size,
        size_ratio=_ratio(base_size, size),
        packed_bytes=packed,
        packed_ratio=_ratio(base_packed, packed),
        coded_bytes=coded,
        coded_ratio=_ratio(base_size, coded),
        parameters=rows.mean(variant, "parameters"),
        nonzero_parameters=rows.mean(variant, "nonzero_parameters"),
        macs=macs,
        p50_ns=p50_ns,
        p90_ns=percentile(timing.kept_ns, "p90"),
        p99_ns=percentile(timing.kept_ns, "p99"),
        runs=len(timing.kept_ns),
        cpu_ns=timing.cpu_ns,
        peak_share=_peak_share(batch, macs, p50_ns, beside.peak_macs_per_s),
        footprint=_footprint(rows.of(variant, "memory_bytes", target)),
        speedup=log_ratio_interval(ratios),
        speedup_p=log_ratio_p(ratios) if len(ratios) > 1 else None,
        log_ratios=dict(timing.by_launch),
        throughput_per_s=throughput.medians(rows.of(variant, "throughput_per_s", target)),
        parity_max_abs=_largest(rows.of(variant, "parity_max_abs", target)),
        parity_agreement=_smallest(rows.of(variant, "parity_agreement", target)),
        make_seconds=rows.mean(variant, "make_seconds"),
        lineage_seconds=_lineage_seconds(run, rows, variant),
        further=further(rows, variant, run.baseline, target),
    )


def _accuracies(rows: Rows, variant: str, beside: _Baseline) -> dict[str, Any]:
    """The fields of a summary that tell how often a variant is right."""
    correct = _by_seed(rows.of(variant, "accuracy", beside.target))
    validation = _by_seed(rows.of(variant, "validation_accuracy", beside.target))
    pair, validated = (
        _common(ours, theirs)
        for ours, theirs in ((correct, beside.correct), (validation, beside.validation))
    )
    shares = [float(c.mean()) for c in correct.values()]
    return {
        "accuracy": accuracy_interval(list(correct.values())) if correct else None,
        "validation_accuracy": float(np.mean([c.mean() for c in validation.values()]))
        if validation
        else None,
        "change": paired_change(*pair) if pair else None,
        "change_p": mcnemar_p(*pair) if pair else None,
        "validation_change": paired_change(*validated) if validated else None,
        "validation_p": mcnemar_p(*validated) if validated else None,
        "seed_sd": float(np.std(shares, ddof=1)) if len(shares) > 1 else None,
    }


def _judged(baseline: str, drafts: list[Summary], control: Interval | None) -> list[Summary]:
    """With differences called such or not, by p-values adjusted for the number of variants."""
    adjusted: dict[str, dict[str, float]] = {}
    for name in ("change_p", "speedup_p", "validation_p"):
        raw = {s.variant: getattr(s, name) for s in drafts if s.variant != baseline}
        raw = {variant: p for variant, p in raw.items() if p is not None}
        adjusted[name] = dict(zip(raw, holm(list(raw.values())), strict=True))
    judged = []
    base_ns = next(s.p50_ns for s in drafts if s.variant == baseline)
    for s in drafts:
        changed, sped = (adjusted[name].get(s.variant) for name in ("change_p", "speedup_p"))
        faster = distinguishable(s.speedup, control, 1.0 if sped is None else sped)
        is_sure = s.change is not None and changed is not None and changed < ALPHA
        judged.append(
            replace(
                s,
                change_p=changed,
                more_accurate=side(s.change, 0) if s.change and is_sure else 0,
                validation_p=adjusted["validation_p"].get(s.variant),
                speedup_p=sped,
                faster=unless_opposed(faster, s.p50_ns, base_ns),
            )
        )
    return judged


def change_between(rows: Rows, variant: str, other: str, target: str) -> Interval | None:
    """The paired difference in accuracy of two variants on the same test samples."""
    ours, theirs = (_by_seed(rows.of(v, "accuracy", target)) for v in (variant, other))
    return _change(ours, theirs)


def _common(ours: Correct, theirs: Correct) -> tuple[list[NDArray], list[NDArray]] | None:
    """Both sides at the seeds that both have."""
    seeds = [seed for seed in ours if seed in theirs]
    return ([ours[s] for s in seeds], [theirs[s] for s in seeds]) if seeds else None


def _change(ours: Correct, theirs: Correct) -> Interval | None:
    pair = _common(ours, theirs)
    return paired_change(*pair) if pair else None


def _ratio(baseline: float | None, ours: float | None) -> float | None:
    return baseline / ours if baseline and ours else None


def _peak_share(
    batch: int, macs: float | None, p50_ns: float | None, peak_macs_per_s: float | None
) -> float | None:
    if not macs or not p50_ns or not peak_macs_per_s:
        return None
    return batch * macs / (p50_ns / 1e9) / peak_macs_per_s


def _footprint(rows: Sequence[Row]) -> dict[str, float]:
    """The median over processes of each column, over seeds the mean."""
    columns = rows[0].samples if rows else {}
    return {c: float(np.mean([np.median(row.samples[c]) for row in rows])) for c in columns}


def _by_seed(rows: Iterable[Row]) -> Correct:
    return {row.seed: row.samples["correct"] for row in rows}


def _lineage_seconds(run: Run, rows: Rows, variant: str) -> float | None:
    seconds = [rows.mean(v, "make_seconds") for v in (*ancestors(run, variant), variant)]
    return float(sum(s for s in seconds if s is not None)) if any(seconds) else None


def _largest(rows: Iterable[Row]) -> float | None:
    return max((r.value for r in rows if r.value is not None), default=None)


def _smallest(rows: Iterable[Row]) -> float | None:
    return min((r.value for r in rows if r.value is not None), default=None)
