"""Summaries -> what each variant is best for, by stated rules; pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from compbench import units
from compbench.results.record import Run
from compbench.statistics.intervals import ALPHA, Interval, side
from compbench.statistics.pick import Choice, as_fast_as_any
from compbench.statistics.sizes import is_smaller
from compbench.statistics.summary import Summaries, Summary

QUICK = 0.01  # "made quickly": in less than this share of the time that the baseline took
MEMORY_NOISE_BYTES = 1e6  # the resident memory of a process is no more repeatable than this


@dataclass(frozen=True)
class Use:
    """Something one may want a model for, and the rule that finds the best variant for it."""

    label: str
    rule: str
    find: Callable[[Run, list[Summary], Summary], Summary | None]
    figure: Callable[[Run, Summary], str]  # the evidence, beside the label
    may_be_baseline: bool = False


def best_uses(run: Run, summaries: Summaries, target: str, choice: Choice) -> dict[str, list[str]]:
    """Variant -> the uses it is the best for with their figures, in the order of `uses_of`.

    Of those that are within the limit, or look so; `choice` says of each which it is.
    """
    baseline = summaries.find(run.baseline, target)
    allowed = [
        s
        for s in summaries.of(target)
        if s.speedup and s.size_bytes and s.validation and choice.may_be_within(s.variant)
    ]
    found: dict[str, list[str]] = {}
    for use in uses_of(run):
        best = use.find(run, allowed, baseline)
        if best is not None and (best is not baseline or use.may_be_baseline):
            figure = use.figure(run, best)
            found.setdefault(best.variant, []).append(f"{use.label} ({figure})")
    return found


def _fastest(run: Run, allowed: Iterable[Summary], baseline: Summary) -> Summary | None:
    return _smallest_of_the_fastest([s for s in allowed if s.faster > 0])


def _smallest_of_the_fastest(some: Sequence[Summary]) -> Summary | None:
    return min(as_fast_as_any(some), key=_bytes) if some else None


def _smallest(run: Run, allowed: list[Summary], baseline: Summary) -> Summary | None:
    smaller = [s for s in allowed if is_smaller(s.size_bytes, baseline.size_bytes)]
    return min(smaller, key=lambda s: (s.size_bytes or 0, -_speed(s)), default=None)


def _smallest_download(run: Run, allowed: list[Summary], baseline: Summary) -> Summary | None:
    packed = [s for s in allowed if s.packed_bytes is not None]
    than = baseline.packed_bytes or math.inf
    smaller = [s for s in packed if is_smaller(s.packed_bytes, than)]
    return min(smaller, key=lambda s: (s.packed_bytes or 0, -_speed(s)), default=None)


def _batches(run: Run, allowed: list[Summary], baseline: Summary) -> Summary | None:
    size = _largest_batch(run, baseline)
    more = [s for s in allowed if s.more_throughput.get(size, 0) > 0]
    return _smallest_of_the_highest(more, lambda s: s.throughput_ratio[size]) if size > 1 else None


def _smallest_of_the_highest(
    some: Sequence[Summary], figure: Callable[[Summary], Interval]
) -> Summary | None:
    """Of those whose intervals reach the highest's: these can't be told from it."""
    if not some:
        return None
    low = max((figure(s) for s in some), key=lambda interval: interval.value).low
    return min((s for s in some if figure(s).high >= low), key=_bytes)


def _largest_batch(run: Run, s: Summary) -> int:
    return max(run.targets[s.target]["batch_sizes"])


def _least_memory(run: Run, allowed: list[Summary], baseline: Summary) -> Summary | None:
    weighed = [(s.memory_bytes, s) for s in allowed if s.memory_bytes is not None]
    if not weighed or baseline.memory_bytes is None:
        return None
    least = min(memory for memory, _ in weighed)
    if least > baseline.memory_bytes - MEMORY_NOISE_BYTES:
        return None
    return _smallest_of_the_fastest(
        [s for memory, s in weighed if memory <= least + MEMORY_NOISE_BYTES]
    )


def _best_quality(run: Run, allowed: list[Summary], baseline: Summary) -> Summary | None:
    gain = run.headline.gain
    known = [(q, s) for s in allowed if (q := s.validation_quality) is not None]
    return max(known, key=lambda one: (gain(one[0]), _speed(one[1])), default=(0, None))[1]


def _quality(run: Run, s: Summary) -> str:
    found = run.headline.text(s.validation_quality)
    is_sure = s.variant == run.baseline or _is_surely_better(run, s)
    return found if is_sure else f"{found} {units.UNSURE}"


def _is_surely_better(run: Run, s: Summary) -> bool:
    """On validation, corrected for the number of variants."""
    if s.validation_change is None or s.validation_p is None:
        return False
    return run.headline.gain(side(s.validation_change, 0)) > 0 and s.validation_p < ALPHA


def _quick(run: Run, allowed: list[Summary], baseline: Summary) -> Summary | None:
    limit = QUICK * (baseline.lineage_seconds or 0)
    descends = [s for s in allowed if run.baseline in run.variants[s.variant]["parents"]]
    return _fastest(run, (s for s in descends if (s.make_seconds or 0) < limit), baseline)


def _speed(s: Summary) -> float:
    return s.speedup.value if s.speedup else 0.0


def _bytes(s: Summary) -> float:
    return s.size_bytes or 0.0


def uses_of(run: Run) -> tuple[Use, ...]:
    """Every use, in the words of the run's metric and samples."""
    metric, noun = run.headline, run.noun
    best, beyond = ("highest", "above") if metric.better == "higher" else ("lowest", "below")
    return (
        Use(
            "lowest latency",
            "measurably faster than all others; of those as fast the smallest",
            _fastest,
            lambda run, s: units.time_text(s.p50_ns),
        ),
        Use(
            "least disk",
            "the smallest file",
            _smallest,
            lambda run, s: units.bytes_text(s.size_bytes),
        ),
        Use(
            "downloads",
            "the smallest file after zstd",
            _smallest_download,
            lambda run, s: units.bytes_text(s.packed_bytes),
        ),
        Use(
            "batches",
            f"measurably more {noun}s/s at the largest batch size than all others; of those that "
            "can't be told from the highest the smallest",
            _batches,
            lambda run, s: (
                f"{units.count_text(s.throughput_per_s[_largest_batch(run, s)])} {noun}s/s"
            ),
        ),
        Use(
            "least memory",
            "over 1 MB below the baseline; of those within 1 MB of the least the fastest, of those "
            "as fast the smallest",
            _least_memory,
            lambda run, s: units.bytes_text(s.memory_bytes),
        ),
        Use(
            "most accurate" if metric.is_accuracy else f"best {metric.label}",
            f"the {best} {metric.label} on validation, of equals the fastest; {units.UNSURE} where "
            f"it is not measurably {beyond} the baseline's",
            _best_quality,
            _quality,
            may_be_baseline=True,
        ),
        Use(
            "no retraining",
            "measurably faster than all others made from the baseline in under 1 % of its training "
            "time; of those as fast the smallest",
            _quick,
            lambda run, s: f"made in {units.seconds_text(s.make_seconds)} s",
        ),
    )
