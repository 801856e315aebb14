"""How good variants are on shifted test samples, and what they lose beside others; pure.

A shift counts as the mean over its severities, and all shifts as the mean over them, sample by
sample: the same samples are in all, so they are no more of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from compbench.headline import ACCURACY, Headline
from compbench.results.record import Run
from compbench.results.row import Row
from compbench.results.row_index import Rows
from compbench.statistics.calibration import calibration_error
from compbench.statistics.intervals import Interval, accuracy_interval
from compbench.statistics.quality_change import QualityChange, between, corrected
from compbench.statistics.scores import metric_interval

T = TypeVar("T")  # a number, or an array of one a sample
METRIC = "shifted_score"
_CLEAN = ("", 0)
_AGREEMENT = ACCURACY.model_copy(update={"name": "agreement", "label": "agreement"})


@dataclass(frozen=True)
class Degradation:
    """One variant on the test samples as they are and as they were shifted.

    `quality` is the metric as the samples are, `shifted` under all shifts, None where it has no row
    of one; `by_shift` under each, and `curves` by severity, of which 0 is as they are. `change` is
    what shifts do to the metric, less what they do to that of `reference`; `changes` the same of
    each shift, all corrected for the number of comparisons. `agreement` is with the answers of the
    reference; calibration errors are of classes only.
    """

    reference: str | None  # its teacher, or the baseline
    quality: Interval | None = None
    shifted: Interval | None = None
    by_shift: Mapping[str, Interval] = field(default_factory=dict)
    curves: Mapping[str, Mapping[int, Interval]] = field(default_factory=dict)
    change: QualityChange | None = None
    changes: Mapping[str, QualityChange] = field(default_factory=dict)
    agreement: Interval | None = None
    shifted_agreement: Interval | None = None
    calibration: float | None = None
    shifted_calibration: float | None = None
    reasons: tuple[str, ...] = ()  # why rows of it have no score


def degradations(run: Run, rows: Rows, target: str) -> dict[str, Degradation]:
    """By variant, those that have rows of shifted samples on this target.

    Holm's correction is for all variants under all shifts, and under each: the chance of any false
    word is below 5 % on a target.
    """
    measured = {v: _Measured(run, rows.of(v, METRIC, target)) for v in run.variants}
    found = {v: _alone(run, v, one) for v, one in measured.items() if one.has_rows}
    compared = [
        (variant, shift, change)
        for variant, one in found.items()
        if one.reference in found
        for shift in _groups(run)
        if (change := _beside(measured[variant], measured[one.reference], shift))
    ]
    for (variant, shift, _), change in zip(
        compared, corrected([change for *_, change in compared]), strict=True
    ):
        one = found[variant]
        if shift:
            one = replace(one, changes={**one.changes, shift: change})
        if not shift or len(run.shifts) == 1:
            one = replace(one, change=change)
        found[variant] = one
    return found


def _groups(run: Run) -> tuple[str, ...]:
    """What is compared: each shift, and under an empty name all of them where there are several."""
    return (*([""] if len(run.shifts) > 1 else []), *run.shifts)


class _Measured:
    """The rows of a variant, decoded when they are asked for."""

    def __init__(self, run: Run, rows: Sequence[Row]):
        self.headline = run.headline
        self.reasons = tuple(dict.fromkeys(row.reason for row in rows if row.status != "ok"))
        self.seeds = tuple(dict.fromkeys(row.seed for row in rows))
        self._severities = {n: [int(s) for s in one["severities"]] for n, one in run.shifts.items()}
        self._rows = {(r.shift, r.severity, r.seed): r for r in rows if r.status == "ok"}

    @property
    def has_rows(self) -> bool:
        """Whether it was tried at all."""
        return bool(self.seeds)

    def clean(self, value: Callable[[Row], T | None]) -> dict[int, T]:
        """By seed what `value` gives of the samples as they are; not of seeds without."""
        found = {seed: self._of(*_CLEAN, seed, value) for seed in self.seeds}
        return {seed: one for seed, one in found.items() if one is not None}

    def shifted(self, value: Callable[[Row], T | None], shift: str = "") -> dict[int, T]:
        """The same of a shift, the mean over its severities; of all where none is named.

        Not of seeds that lack one of them: others would be of other samples.
        """
        shifts = [shift] if shift else [*self._severities]
        found = {seed: _mean([self._mean(s, seed, value) for s in shifts]) for seed in self.seeds}
        return {seed: one for seed, one in found.items() if one is not None}

    def _mean(self, shift: str, seed: int, value: Callable[[Row], T | None]) -> T | None:
        return _mean([self._of(shift, s, seed, value) for s in self._severities[shift]])

    def _of(
        self, shift: str, severity: int, seed: int, value: Callable[[Row], T | None]
    ) -> T | None:
        row = self._rows.get((shift, severity, seed))
        return value(row) if row else None

    def at(self, shift: str, severity: int) -> list[NDArray[Any]]:
        """Scores by seed at one severity."""
        rows = (self._rows.get((shift, severity, seed)) for seed in self.seeds)
        return [row.samples["score"] for row in rows if row]

    def numbers(self, row: Row) -> NDArray[np.float64]:
        """For each sample numbers whose mean is the metric."""
        return self.headline.per_sample(row.samples["score"])


def _alone(run: Run, variant: str, measured: _Measured) -> Degradation:
    """What is told of a variant without another one."""
    by_shift = {
        name: found
        for name in run.shifts
        if (found := _interval(measured.shifted(measured.numbers, name), run.headline))
    }
    clean = measured.at(*_CLEAN)
    return Degradation(
        run.reference(variant),
        quality=metric_interval(clean, run.headline) if clean else None,
        shifted=_interval(measured.shifted(measured.numbers), run.headline),
        by_shift=by_shift,
        curves={name: _curve(run, measured, name) for name in run.shifts},
        agreement=_interval(measured.clean(_agreement), _AGREEMENT),
        shifted_agreement=_interval(measured.shifted(_agreement), _AGREEMENT),
        calibration=_mean([*measured.clean(_calibration).values()]),
        shifted_calibration=_mean([*measured.shifted(_calibration).values()]),
        reasons=measured.reasons,
    )


def _curve(run: Run, measured: _Measured, shift: str) -> dict[int, Interval]:
    severities = {0: _CLEAN} | {int(s): (shift, int(s)) for s in run.shifts[shift]["severities"]}
    return {
        severity: metric_interval(scores, run.headline)
        for severity, place in severities.items()
        if (scores := measured.at(*place))
    }


def _beside(ours: _Measured, theirs: _Measured, shift: str) -> QualityChange | None:
    """What a shift changes of ours, less what it changes of theirs, on the same samples."""
    return between(_changes(ours, shift), _changes(theirs, shift), headline=_numbers(ours.headline))


def _changes(measured: _Measured, shift: str) -> dict[int, NDArray[np.float64]]:
    """By seed: for each sample its score under a shift less that as it is."""
    clean = measured.clean(measured.numbers)
    shifted = measured.shifted(measured.numbers, shift)
    return {seed: shifted[seed] - clean[seed] for seed in shifted if seed in clean}


def _numbers(headline: Headline) -> Headline:
    """The same metric of samples whose scores are means, and so any numbers."""
    return headline.model_copy(update={"has_binary_scores": False, "link": "mean"})


def _interval(found: Mapping[int, NDArray[Any]], headline: Headline) -> Interval | None:
    """Shares that are all alike show no spread; Wilson's interval is then never too short."""
    scores = [*found.values()]
    if not scores:
        return None
    is_all_alike = headline.is_share and all(np.ptp(each) == 0 for each in scores)
    return (
        accuracy_interval(scores) if is_all_alike else metric_interval(scores, _numbers(headline))
    )


def _mean(parts: Sequence[T | None]) -> T | None:
    """Of numbers or arrays; None where there is none, or one is missing."""
    there = [part for part in parts if part is not None]
    if not there or len(there) < len(parts):
        return None
    return cast(T, np.mean(np.asarray(there), axis=0))


def _agreement(row: Row) -> NDArray[np.float64] | None:
    return np.asarray(row.samples["agreement"], float) if "agreement" in row.samples else None


def _calibration(row: Row) -> float | None:
    if "confidence" not in row.samples:
        return None
    return calibration_error(row.samples["confidence"], row.samples["score"])
