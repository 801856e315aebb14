"""Rows -> summaries: intervals, paired changes, ratios, the Pareto front; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from compbench.intervals import (
    Interval,
    accuracy_interval,
    distinguishable,
    launch_log_ratio,
    log_ratio_interval,
    paired_change,
    percentile,
)
from compbench.results import Row, Run

_SIZES = ("size_bytes", "packed_bytes", "coded_bytes")


@dataclass(frozen=True)
class Summary:
    """One variant on one target, over all seeds. What could not be measured is None.

    Accuracies are shares (0 to 1); `change` is the paired difference to the baseline on the same
    test samples; `seed_sd` the standard deviation of accuracy over seeds. `speedup` is the
    baseline's time over this variant's, `faster` whether that is beyond the noise floor (+1
    faster, -1 slower, 0 not distinguishable).
    """

    variant: str
    target: str
    reason: str = ""  # why there is nothing to show: skipped or failed
    accuracy: Interval | None = None
    validation_accuracy: float | None = None
    change: Interval | None = None
    validation_change: Interval | None = None
    seed_sd: float | None = None
    size_bytes: float | None = None
    size_ratio: float | None = None  # baseline's bytes over this variant's
    packed_bytes: float | None = None  # of the file packed with zstd
    packed_ratio: float | None = None  # baseline's packed bytes over this variant's
    coded_bytes: float | None = None  # of the weights alone, entropy-coded
    coded_ratio: float | None = None  # baseline's bytes on disk over these
    parameters: float | None = None
    nonzero_parameters: float | None = None
    macs: float | None = None
    p50_ns: float | None = None
    p90_ns: float | None = None
    p99_ns: float | None = None
    runs: int = 0  # kept samples of latency
    cpu_ns: float | None = None  # CPU time of all threads for one inference
    peak_share: float | None = None  # of the arithmetic peak in float32 that the target reaches
    footprint: dict[str, float] = field(default_factory=dict)  # medians, see footprint.py
    speedup: Interval | None = None
    faster: int = 0
    throughput_per_s: dict[int, float] = field(default_factory=dict)  # by batch size
    parity_max_abs: float | None = None
    parity_agreement: float | None = None
    make_seconds: float | None = None
    lineage_seconds: float | None = None  # with all its ancestors


@dataclass(frozen=True)
class Summaries:
    """All summaries of a run, and each target's noise floor: an A/A ratio, ideally 1."""

    all: tuple[Summary, ...]
    control: dict[str, Interval]  # target -> time of the control arm over the baseline's
    on_front: frozenset[tuple[str, str]]  # (variant, target)

    def of(self, target: str) -> tuple[Summary, ...]:
        """The summaries on one target, in suite order."""
        return tuple(s for s in self.all if s.target == target)

    def find(self, variant: str, target: str) -> Summary:
        """The summary of one variant on one target."""
        return next(s for s in self.of(target) if s.variant == variant)


class Rows:
    """The rows of a run, found by variant, target and metric."""

    def __init__(self, rows: Iterable[Row]):
        self._found: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
        for row in rows:
            self._found[row.variant, row.target, row.metric].append(row)

    def of(self, variant: str, metric: str, target: str = "") -> list[Row]:
        """All rows of a metric, over seeds, launches and batch sizes."""
        return self._found.get((variant, target, metric), [])

    def mean(self, variant: str, metric: str, target: str = "") -> float | None:
        """The mean of a metric's values, usually over seeds."""
        values = [row.value for row in self.of(variant, metric, target) if row.value is not None]
        return float(np.mean(values)) if values else None


def summarise(run: Run, rows: Iterable[Row]) -> Summaries:
    """Every variant on every target."""
    found = Rows(rows)
    summaries, control, front = [], {}, set()
    for target in run.targets:
        floor = _control(run, found, target)
        if floor is not None:
            control[target] = floor
        here = [_summary(run, found, variant, target, floor) for variant in run.variants]
        summaries += here
        front |= {(s.variant, target) for s in pareto_front(here)}
    return Summaries(tuple(summaries), control, frozenset(front))


def _summary(run: Run, rows: Rows, variant: str, target: str, control: Interval | None) -> Summary:
    status = [*rows.of(variant, "status"), *rows.of(variant, "status", target)]
    status = [row for row in status if row.launch < 0]
    if status:
        return Summary(variant, target, reason=f"{status[0].status}: {status[0].reason}")
    correct = _by_seed(rows.of(variant, "accuracy", target), "correct")
    baseline = _by_seed(rows.of(run.baseline, "accuracy", target), "correct")
    size, packed, coded = (rows.mean(variant, metric) for metric in _SIZES)
    base_size, base_packed, _ = (rows.mean(run.baseline, metric) for metric in _SIZES)
    durations = _kept_ns(rows.of(variant, "latency_ns", target))
    speedup = _speedup(run, rows, variant, target)
    validation, base_validation = (
        _by_seed(rows.of(v, "validation_accuracy", target), "correct")
        for v in (variant, run.baseline)
    )
    return Summary(
        variant,
        target,
        accuracy=accuracy_interval(list(correct.values())) if correct else None,
        validation_accuracy=float(np.mean([c.mean() for c in validation.values()]))
        if validation
        else None,
        change=_change(correct, baseline),
        validation_change=_change(validation, base_validation),
        seed_sd=float(np.std([c.mean() for c in correct.values()], ddof=1))
        if len(correct) > 1
        else None,
        size_bytes=size,
        size_ratio=_ratio(base_size, size),
        packed_bytes=packed,
        packed_ratio=_ratio(base_packed, packed),
        coded_bytes=coded,
        coded_ratio=_ratio(base_size, coded),
        parameters=rows.mean(variant, "parameters"),
        nonzero_parameters=rows.mean(variant, "nonzero_parameters"),
        macs=rows.mean(variant, "macs"),
        p50_ns=float(np.median(durations)) if len(durations) else None,
        p90_ns=percentile(durations, "p90"),
        p99_ns=percentile(durations, "p99"),
        runs=len(durations),
        cpu_ns=_cpu_ns(rows.of(variant, "latency_ns", target)),
        peak_share=_peak_share(run, rows, variant, target, durations),
        footprint=_footprint(rows.of(variant, "memory_bytes", target)),
        speedup=speedup,
        faster=distinguishable(speedup, control),
        throughput_per_s=_throughputs(rows.of(variant, "throughput_per_s", target)),
        parity_max_abs=_largest(rows.of(variant, "parity_max_abs", target)),
        parity_agreement=_smallest(rows.of(variant, "parity_agreement", target)),
        make_seconds=rows.mean(variant, "make_seconds"),
        lineage_seconds=_lineage_seconds(run, rows, variant),
    )


def pareto_front(summaries: Iterable[Summary]) -> list[Summary]:
    """Those that no other beats in both accuracy and p50 latency, fastest first."""
    measured = [s for s in summaries if s.accuracy and s.p50_ns]
    front: list[Summary] = []
    best = -1.0
    for s in sorted(measured, key=lambda s: (s.p50_ns or 0, -(s.accuracy or (0,))[0])):
        if s.accuracy and s.accuracy.value > best:
            front.append(s)
            best = s.accuracy.value
    return front


def ancestors(run: Run, variant: str) -> list[str]:
    """A variant's ancestors, the oldest first, each once."""
    found: list[str] = []
    for parent in run.variants[variant]["parents"]:
        found += [a for a in (*ancestors(run, parent), parent) if a not in found]
    return found


def _speedup(run: Run, rows: Rows, variant: str, target: str) -> Interval | None:
    baseline = {(r.seed, r.launch): r for r in rows.of(run.baseline, "latency_ns", target)}
    by_launch: dict[int, list[float]] = defaultdict(list)
    for row in rows.of(variant, "latency_ns", target):
        other = baseline.get((row.seed, row.launch))
        if other is not None:
            by_launch[row.launch].append(-launch_log_ratio(row.samples, other.samples))
    return log_ratio_interval([float(np.mean(ratios)) for ratios in by_launch.values()])


def _control(run: Run, rows: Rows, target: str) -> Interval | None:
    baseline = {(r.seed, r.launch): r for r in rows.of(run.baseline, "latency_ns", target)}
    controls = rows.of(run.baseline, "control_latency_ns", target)
    return log_ratio_interval(
        [launch_log_ratio(c.samples, baseline[c.seed, c.launch].samples) for c in controls]
    )


def _change(ours: dict[int, NDArray], theirs: dict[int, NDArray]) -> Interval | None:
    common = [seed for seed in ours if seed in theirs]
    if not common:
        return None
    return paired_change([ours[seed] for seed in common], [theirs[seed] for seed in common])


def _cpu_ns(rows: Sequence[Row]) -> float | None:
    """CPU time of one inference: the mean over turns, since the counter's ticks may be coarse."""
    total = sum(int(row.samples["cpu_ns"].sum()) for row in rows)
    runs = sum(int(row.samples["kept"].sum()) for row in rows)
    return total / runs if runs else None


def _ratio(baseline: float | None, ours: float | None) -> float | None:
    return baseline / ours if baseline and ours else None


def _peak_share(
    run: Run, rows: Rows, variant: str, target: str, durations_ns: NDArray[np.int64]
) -> float | None:
    machine = rows.of(run.baseline, "machine", target)
    macs = rows.mean(variant, "macs")
    if not machine or not macs or not len(durations_ns):
        return None
    peak = max(float(row.samples["peak_macs_per_s"][0]) for row in machine)
    batch = run.targets[target]["batch_sizes"][0]
    return batch * macs / (float(np.median(durations_ns)) / 1e9) / peak


def _footprint(rows: Sequence[Row]) -> dict[str, float]:
    """The median over processes of each column, over seeds the mean."""
    columns = rows[0].samples if rows else {}
    return {c: float(np.mean([np.median(row.samples[c]) for row in rows])) for c in columns}


def _by_seed(rows: Iterable[Row], column: str) -> dict[int, NDArray]:
    return {row.seed: row.samples[column] for row in rows}


def _kept_ns(rows: Sequence[Row]) -> NDArray[np.int64]:
    if not rows:
        return np.empty(0, np.int64)
    return np.concatenate([r.samples["duration_ns"][r.samples["kept"] == 1] for r in rows])


def _throughputs(rows: Iterable[Row]) -> dict[int, float]:
    found: dict[int, list[NDArray]] = defaultdict(list)
    for row in rows:
        found[row.batch_size].append(row.samples["images_per_s"])
    return {size: float(np.median(np.concatenate(rates))) for size, rates in found.items()}


def _lineage_seconds(run: Run, rows: Rows, variant: str) -> float | None:
    seconds = [rows.mean(v, "make_seconds") for v in (*ancestors(run, variant), variant)]
    return float(sum(s for s in seconds if s is not None)) if any(seconds) else None


def _largest(rows: Iterable[Row]) -> float | None:
    return max((r.value for r in rows if r.value is not None), default=None)


def _smallest(rows: Iterable[Row]) -> float | None:
    return min((r.value for r in rows if r.value is not None), default=None)
