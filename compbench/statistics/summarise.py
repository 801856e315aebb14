"""Rows -> summaries: the only place where statistics are computed; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compbench.errors import UserError, one_line
from compbench.headline import Headline
from compbench.results.record import Run
from compbench.results.row import Row
from compbench.results.row_index import Rows
from compbench.statistics import throughput
from compbench.statistics.allowed_loss import front_margin
from compbench.statistics.degradation import Degradation, degradations
from compbench.statistics.disturbance import disturbance
from compbench.statistics.further_metrics import further
from compbench.statistics.intervals import (
    Interval,
    distinguishable,
    log_ratio_interval,
    reach,
)
from compbench.statistics.latency import Timing, timings, turn_logs
from compbench.statistics.lineage import ancestors
from compbench.statistics.parents import beside_parents
from compbench.statistics.pareto_front import Contender, Front, front
from compbench.statistics.percentiles import percentile, stretches
from compbench.statistics.quality_change import QualityChange, between, by_seed, corrected
from compbench.statistics.scores import metric_interval, paired, paired_interval, paired_p
from compbench.statistics.significance import holm, log_ratio_p
from compbench.statistics.smallest_difference import SmallestDifference, smallest_difference
from compbench.statistics.speed import unless_opposed
from compbench.statistics.summary import Summaries, Summary

_SIZES = ("size_bytes", "packed_bytes", "coded_bytes")


def summarise(run: Run, rows: Iterable[Row]) -> Summaries:
    """Every variant on every target. Raises UserError where rows are not as they are measured."""
    try:
        return _summaries(run, Rows(rows))
    except UserError:
        raise
    except (LookupError, TypeError, ValueError) as error:  # with a checksum made for them, say
        raise UserError(
            f"the rows of {run.suite}, begun {run.started}, are not as compbench writes them: "
            f"{type(error).__name__}: {one_line(str(error))}"
        ) from error


def _summaries(run: Run, found: Rows) -> Summaries:
    summaries: list[Summary] = []
    control, fronts, smallest, disturbed = {}, {}, {}, {}
    for target in run.targets:
        beside = _Baseline(run, found, target)
        if beside.control is not None:
            control[target] = beside.control
        if beside.disturbance.launches:
            disturbed[target] = beside.disturbance
        drafts = [_draft(run, found, variant, beside) for variant in run.variants]
        found_smallest = beside.smallest([s.variant for s in drafts if s.speedup_p is not None])
        if found_smallest is not None:
            smallest[target] = found_smallest
        changes = {v: _change(found, v, beside) for v in run.variants}
        here = _judged(run.baseline, drafts, changes, beside.control)
        here = beside_parents(run, here, beside.control)
        here = throughput.beside_baseline(run, found, target, here, beside.control)
        here = _shifted(here, degradations(run, found, target)) if run.shifts else here
        fronts[target] = _front(run, found, here, beside.control)
        summaries += here
    return Summaries(
        tuple(summaries),
        control,
        frozenset((v, target) for target, front in fronts.items() for v in front.members),
        {(v, t): by for t, front in fronts.items() for v, by in front.beaten_by.items()},
        frozenset((v, target) for target, front in fronts.items() for v in front.undecided),
        smallest,
        disturbed,
    )


def _shifted(here: Sequence[Summary], found: Mapping[str, Degradation]) -> list[Summary]:
    """With what is known of each on shifted samples."""
    return [
        replace(s, **_told_of(found[s.variant])) if s.variant in found and not s.reason else s
        for s in here
    ]


def _told_of(one: Degradation) -> dict[str, Any]:
    change = one.change
    return {
        "shifted_quality": one.shifted,
        "shifted_change": change and change.interval,
        "shifted_p": change and change.p_value,
        "shifted_better": change.side if change else 0,
        "shifted_agreement": one.shifted_agreement,
        "calibration_error": one.calibration,
        "shifted_calibration_error": one.shifted_calibration,
        "degradation": one,
    }


def _front(run: Run, rows: Rows, here: Sequence[Summary], control: Interval | None) -> Front:
    """Of those of which quality, speed and bytes were all measured."""
    contenders = [
        Contender(s.variant, by_seed(rows.of(s.variant, "score", s.target)), s.log_ratios, size)
        for s in here
        if s.change is not None and s.speedup is not None and (size := s.size_bytes) is not None
    ]
    baseline = next(s.quality for s in here if s.variant == run.baseline)
    margin = front_margin(run).of(baseline and baseline.value)
    return front(contenders, margin, reach(control) if control else 0.0, run.headline)


class _Baseline:
    """What all variants on a target are compared with, decoded once."""

    def __init__(self, run: Run, rows: Rows, target: str):
        self.target = target
        self.headline = run.headline
        self.scores = by_seed(rows.of(run.baseline, "score", target))
        self.validation = by_seed(rows.of(run.baseline, "validation_score", target))
        self.sizes = {metric: rows.mean(run.baseline, metric) for metric in _SIZES}
        machine = rows.of(run.baseline, "machine", target)
        peaks = [float(row.samples["peak_macs_per_s"][0]) for row in machine]
        self.peak_macs_per_s = max(peaks, default=None)
        controls = rows.of(run.baseline, "control_latency_ns", target)
        turns = turn_logs(rows.of(run.baseline, "latency_ns", target))
        self.timings = {v: timings(rows.of(v, "latency_ns", target), turns) for v in run.variants}
        twin = timings(controls, turns)
        self.control = log_ratio_interval(twin.log_ratios)
        self._baseline, self._twin_logs = run.baseline, twin.log_ratios
        every = [*self.timings.values(), twin]
        self.span_ns = _sums(timing.spent_ns for timing in every)
        self.disturbance = disturbance([row.samples for row in machine])

    def smallest(self, timed: Sequence[str]) -> SmallestDifference | None:
        """What these launches could have seen of the variants that were timed."""
        others = [self.timings[v].log_ratios for v in timed if v != self._baseline]
        if not others or not self._twin_logs:
            return None
        return smallest_difference([*others, self._twin_logs], len(others))

    def percentile(self, timing: Timing, share: float) -> Interval | None:
        """Of a variant's durations, where its launches saw enough of the tail."""
        seen = stretches(timing.turns, self.span_ns)
        return percentile(timing.kept_by_launch, seen, share)


def _draft(run: Run, rows: Rows, variant: str, beside: _Baseline) -> Summary:
    """A summary that is not yet judged among the others."""
    target = beside.target
    status = [*rows.of(variant, "status"), *rows.of(variant, "status", target)]
    status = [row for row in status if row.launch < 0]
    if status:
        return Summary(variant, target, reason=f"{status[0].status}: {status[0].reason}")
    timing = beside.timings[variant]
    ratios = [-x for x in timing.log_ratios]
    size, packed, coded = (rows.mean(variant, metric) for metric in _SIZES)
    base_size, base_packed, _ = beside.sizes.values()
    macs, p50_ns = rows.mean(variant, "macs"), timing.p50_ns
    batch = run.targets[target]["batch_sizes"][0]
    return Summary(
        variant,
        target,
        **_qualities(rows, variant, beside),
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
        p90_ns=beside.percentile(timing, 0.90),
        p99_ns=beside.percentile(timing, 0.99),
        runs=len(timing.kept_ns),
        cpu_ns=timing.cpu_ns,
        peak_share=_peak_share(batch, macs, p50_ns, beside.peak_macs_per_s),
        footprint=_footprint(rows.of(variant, "memory_bytes", target)),
        speedup=log_ratio_interval(ratios),
        log_ratios=timing.log_ratio,
        speedup_p=log_ratio_p(ratios) if len(ratios) > 1 else None,
        throughput_per_s=throughput.medians(rows.of(variant, "throughput_per_s", target)),
        parity_max_abs=_largest(rows.of(variant, "parity_max_abs", target)),
        parity_agreement=_smallest(rows.of(variant, "parity_agreement", target)),
        make_seconds=rows.mean(variant, "make_seconds"),
        lineage_seconds=_lineage_seconds(run, rows, variant),
        further=further(rows, variant, run.baseline, target),
    )


def _qualities(rows: Rows, variant: str, beside: _Baseline) -> dict[str, Any]:
    """The fields of a summary that tell how good a variant is by the metric."""
    headline = beside.headline
    scores = by_seed(rows.of(variant, "score", beside.target))
    validation = by_seed(rows.of(variant, "validation_score", beside.target))
    seeds = [seed for seed in validation if seed in beside.validation]
    pair = [validation[s] for s in seeds], [beside.validation[s] for s in seeds]
    values = [headline.value(each) for each in scores.values()]
    return {
        "quality": metric_interval(list(scores.values()), headline) if scores else None,
        "validation_quality": _mean_value(headline, validation),
        "validation_change": paired_interval(*pair, headline) if seeds else None,
        "validation_p": paired_p(*pair, headline) if seeds else None,
        "validation": paired(*pair, headline) if seeds else None,
        "seed_sd": float(np.std(values, ddof=1)) if len(values) > 1 else None,
    }


def _mean_value(headline: Headline, scores: Mapping[int, NDArray[Any]]) -> float | None:
    return float(np.mean([headline.value(s) for s in scores.values()])) if scores else None


def _change(rows: Rows, variant: str, beside: _Baseline) -> QualityChange | None:
    ours = by_seed(rows.of(variant, "score", beside.target))
    return between(ours, beside.scores, headline=beside.headline)


def _judged(
    baseline: str,
    drafts: list[Summary],
    changes: dict[str, QualityChange | None],
    control: Interval | None,
) -> list[Summary]:
    """With differences called such or not, by p-values adjusted for the number of variants."""
    found = {v: c for v, c in changes.items() if c is not None}
    others = [v for v in found if v != baseline]
    found |= dict(zip(others, corrected([found[v] for v in others]), strict=True))
    adjusted = {name: _adjusted(baseline, drafts, name) for name in ("speedup_p", "validation_p")}
    judged = []
    base_ns = next(s.p50_ns for s in drafts if s.variant == baseline)
    for s in drafts:
        change, (sped, validated) = (
            found.get(s.variant),
            (p.get(s.variant) for p in adjusted.values()),
        )
        faster = distinguishable(s.speedup, control, 1.0 if sped is None else sped)
        faster = unless_opposed(faster, s.p50_ns, base_ns)
        told = {} if change is None or s.reason else _told(change, s.variant == baseline)
        judged.append(replace(s, **told, speedup_p=sped, faster=faster, validation_p=validated))
    return judged


def _adjusted(baseline: str, drafts: Sequence[Summary], name: str) -> dict[str, float]:
    """By variant a p-value, by Holm's procedure for the number of variants."""
    raw = {s.variant: getattr(s, name) for s in drafts if s.variant != baseline}
    raw = {variant: p for variant, p in raw.items() if p is not None}
    return dict(zip(raw, holm(list(raw.values())), strict=True))


def _told(change: QualityChange, is_baseline: bool) -> dict[str, Any]:
    """A change as fields of a summary; the baseline's, to itself, is no comparison."""
    return {
        "change": change.files,
        "change_p": None if is_baseline else change.files_p,
        "file_better": change.files_side,
        "change_seeds": change.seeds,
        "technique_change": change.technique,
        "technique_p": None if is_baseline else change.technique_p,
        "better": change.side,
    }


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


def _sums(counts: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """By launch."""
    found: dict[int, int] = defaultdict(int)
    for count in counts:
        for launch, value in count.items():
            found[launch] += value
    return dict(found)


def _lineage_seconds(run: Run, rows: Rows, variant: str) -> float | None:
    seconds = [rows.mean(v, "make_seconds") for v in (*ancestors(run, variant), variant)]
    return float(sum(s for s in seconds if s is not None)) if any(seconds) else None


def _largest(rows: Iterable[Row]) -> float | None:
    return max((r.value for r in rows if r.value is not None), default=None)


def _smallest(rows: Iterable[Row]) -> float | None:
    return min((r.value for r in rows if r.value is not None), default=None)
