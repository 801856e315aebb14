"""How far two models' outputs are apart on new samples, compared with held-out ones; pure.

Each figure of a sample is compared with the same figure on every split that was held out when the
models were made. There is an alarm only where new samples are unlike each of these, on the same
side (an intersection-union test: R. L. Berger, Technometrics 24, 1982): what was chosen on the
validation split, or how a test split was collected, may make the splits differ among themselves,
and new samples that are like one of them, or a mixture of them, are no drift.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from compbench.statistics.differences import Differences
from compbench.statistics.intervals import ALPHA, Interval, accuracy_interval
from compbench.statistics.significance import holm
from compbench.statistics.two_samples import (
    Counts,
    fisher_p,
    median,
    rank_p,
    smallest_share,
    smallest_superiority,
    superiority,
)

LEAST = 20  # samples on either side: of fewer nothing can be said
# figures of a sample
ANSWERS, DISTANCE, GAP, CONFIDENCE = "answers", "distance", "gap", "confidence"

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Apart:
    """How far two models' outputs are from each other, a number a sample (N,) in each.

    By name: `ANSWERS` is the share of a sample's answers that differ, `DISTANCE` how far its
    outputs are apart, `GAP` how much surer of its answers the second model is than the first,
    `CONFIDENCE` how sure the second model is; the distance is always there.
    """

    figures: Mapping[str, Numbers]

    def __len__(self) -> int:
        return len(next(iter(self.figures.values())))


@dataclass(frozen=True)
class Case:
    """A variant beside the model that it is compared with; `then` are held-out splits by name."""

    beside: str
    then: Mapping[str, Apart]
    now: Apart


@dataclass(frozen=True)
class Evidence:
    """One figure, now and then: answers by their mean, others by their median.

    `larger` is the share of pairs of a new and a held-out sample in which the new one's is the
    larger; 0.5 is no change. `p` is the largest of the tests against each split, 1 where new
    samples lie between them, and `adjusted` its Holm-adjusted value among all that was tested.
    `smallest` is the change that nine of ten sets of so many samples would have shown: the mean,
    where answers are counted (`is_counted`), else the share of pairs; None where none would.
    """

    name: str
    now: Interval
    then: Mapping[str, Interval]
    larger: Mapping[str, Interval]
    is_counted: bool
    p: float
    smallest: float | None = None
    adjusted: float = 1.0

    @property
    def side(self) -> int:
        """+1 where new samples have more of it than all splits, -1 less, 0 neither."""
        sides = {int(one.value > 0.5) - int(one.value < 0.5) for one in self.larger.values()}
        return sides.pop() if len(sides) == 1 else 0


@dataclass(frozen=True)
class Verdict:
    """What all figures of a variant say, and the new samples that are farthest apart, by place."""

    variant: str
    beside: str
    evidence: tuple[Evidence, ...]
    alpha: float
    farthest: tuple[int, ...] = ()

    @property
    def is_alarm(self) -> bool:
        """Whether chance explains what was found in less than `alpha` of all cases."""
        return bool(self.changed)

    @property
    def changed(self) -> tuple[Evidence, ...]:
        """The figures that raise an alarm."""
        return tuple(one for one in self.evidence if one.adjusted <= self.alpha)


def judged(cases: Mapping[str, Case], alpha: float, most: int = 10) -> tuple[Verdict, ...]:
    """A verdict for each variant: any false alarm among all of them is rarer than `alpha`.

    `most` samples are named as the farthest apart.
    """
    tested = sum(len(case.now.figures) for case in cases.values())
    found = {name: _evidence(case, alpha / tested) for name, case in cases.items()}
    adjusted = iter(holm([one.p for each in found.values() for one in each]))
    return tuple(
        Verdict(
            name,
            cases[name].beside,
            tuple(replace(one, adjusted=next(adjusted)) for one in each),
            alpha,
            _farthest(cases[name].now, most),
        )
        for name, each in found.items()
    )


def _evidence(case: Case, alpha: float) -> list[Evidence]:
    return [
        _compared(name, now, {s: one.figures[name] for s, one in case.then.items()}, alpha)
        for name, now in case.now.figures.items()
    ]


def _compared(name: str, now: Numbers, then: Mapping[str, Numbers], alpha: float) -> Evidence:
    """One figure against each split; `alpha` is what the smallest change is told for."""
    shares = (now, *then.values())
    is_counted = name == ANSWERS and all(np.isin(each, (0, 1)).all() for each in shares)
    middle = _mean if name == ANSWERS else median
    found = Evidence(
        name,
        middle(now),
        {split: middle(each) for split, each in then.items()},
        {split: superiority(now, each) for split, each in then.items()},
        is_counted,
        max(_p(now, each, is_counted) for each in then.values()),
    )
    if not found.side:
        found = replace(found, p=1.0)
    if is_counted:
        least = smallest_share([_counts(each) for each in then.values()], len(now), alpha)
    else:
        least = smallest_superiority([len(each) for each in then.values()], len(now), alpha)
    return replace(found, smallest=least)


def _p(now: Numbers, then: Numbers, is_counted: bool) -> float:
    return fisher_p(_counts(now), _counts(then)) if is_counted else rank_p(now, then)


def _counts(shares: Numbers) -> Counts:
    return int(shares.sum()), len(shares)


def _mean(values: Numbers) -> Interval:
    if np.isin(values, (0, 1)).all():
        return accuracy_interval([values.astype(np.uint8)])
    found = Differences.of(values)
    return Interval(found.change, *found.bounds(ALPHA))


def _farthest(now: Apart, most: int) -> tuple[int, ...]:
    """The places of those whose outputs are farthest apart, the first of equal ones first."""
    order = np.argsort(-now.figures[DISTANCE], kind="stable")
    return tuple(int(place) for place in order[:most])
