"""Runs' summaries -> a metric's history, with its steps; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np

from compbench.errors import UserError, nearest
from compbench.history.metrics import Followed
from compbench.history.runs import Moment, remade, unlike
from compbench.history.series import Point, Search, Series
from compbench.statistics.change_points import Demands
from compbench.statistics.intervals import Interval

_MOST_CONTROLS = 0.95  # of the A/A controls lie within the noise floor


@dataclass(frozen=True)
class History:
    """A metric of variants on a target over runs. No smaller step than `floor` is called one.

    Runs of different `groups` can't be compared; those without the target, and those by another
    metric than the one that is asked for, have group -1.
    """

    metric: Followed
    target: str
    moments: tuple[Moment, ...]
    groups: tuple[int, ...]  # of each moment
    floor: float  # of log-ratios for a speed-up, else in the metric's unit
    series: tuple[Series, ...]
    demands: Demands  # on a step

    @property
    def least(self) -> int:
        """The fewest runs of a group in which steps are looked for."""
        return 2 * self.demands.least

    @property
    def suite(self) -> str:
        """Whose runs they are."""
        return self.moments[-1].run.suite

    def apart(self, group: int) -> str:
        """What a group's first run has that the group before did not have, in words."""
        firsts = [self.moments[self.groups.index(g)] for g in (group - 1, group)]
        found = unlike(firsts[0], firsts[1], self.target).items()
        return "; ".join(f"another {x} ({how})" for x, how in found if x in self.metric.needs)


def letter(group: int) -> str:
    """A, B, …, Z, A1, …: what a group of runs is called."""
    return chr(ord("A") + group % 26) + (str(group // 26) if group >= 26 else "")


def history(
    moments: Sequence[Moment], metric: Followed, target: str | None, variants: Sequence[str] = ()
) -> History:
    """The history of some variants, or of all where none is named, newest suite's order.

    Raises UserError for an unknown target or variant, and where nothing was measured.
    """
    name = _target(moments, target)
    groups = _groups(moments, metric, name)
    found = {v: _points(moments, groups, metric, name, v) for v in _variants(moments, variants)}
    for variant in variants or [""]:
        if not (found.get(variant) if variant else any(found.values())):
            raise UserError(_nothing(moments, metric, name, variant))
    found = {v: points for v, points in found.items() if points}
    floor = _floor(moments, metric, name, [p.interval for each in found.values() for p in each])
    least = 2 if metric.is_noisy else 1
    demands = Demands(least, floor, sum(_searches(points) for points in found.values()))
    search = Search(tuple(moments), metric, name, demands)
    series = tuple(search.series(v, points) for v, points in found.items())
    return History(metric, name, tuple(moments), groups, floor, series, demands)


def _target(moments: Sequence[Moment], asked: str | None) -> str:
    newest = moments[-1].run
    known = {target: None for moment in reversed(moments) for target in moment.run.targets}
    name = asked or newest.pick.get("target") or next(iter(newest.targets))
    if name not in known:
        raise UserError(
            f"--target: no run of this suite has a target '{name}'{nearest(name, known)}"
        )
    return name


def _variants(moments: Sequence[Moment], asked: Sequence[str]) -> list[str]:
    known = {variant: None for moment in reversed(moments) for variant in moment.run.variants}
    for name in asked:
        if name not in known:
            raise UserError(
                f"--variant: no run of this suite has a variant '{name}'{nearest(name, known)}"
            )
    return [name for name in known if not asked or name in asked]


def _groups(moments: Sequence[Moment], metric: Followed, target: str) -> tuple[int, ...]:
    """For each run a number: the same where all is alike that the metric needs."""
    first: list[Moment] = []
    groups = []
    for moment in moments:
        if target not in moment.run.targets or metric.is_foreign(moment.run.headline):
            groups.append(-1)
            continue
        alike = [not unlike(x, moment, target).keys() & set(metric.needs) for x in first]
        groups.append(alike.index(True) if True in alike else len(first))
        first += [] if True in alike else [moment]
    return tuple(groups)


def _points(
    moments: Sequence[Moment], groups: Sequence[int], metric: Followed, target: str, variant: str
) -> list[Point]:
    """Where it was measured. The baseline has no speed-up, nor change, over itself."""
    found: list[Point] = []
    for at, moment in enumerate(moments):
        run = moment.run
        if variant not in run.variants or groups[at] < 0:
            continue
        if "baseline" in metric.needs and variant == run.baseline:
            continue
        value = metric.read(moment.summaries.find(variant, target))
        if value is None:
            continue
        interval = value if isinstance(value, Interval) else Interval(value, value, value)
        file = remade(moments[found[-1].at], moment, variant) if found else ""
        found.append(Point(at, interval, groups[at], file))
    return found


def _searches(points: Sequence[Point]) -> int:
    """How often steps are looked for in a series: in each group, and between each and the next."""
    return 2 * len({p.group for p in points}) - 1


def _nothing(moments: Sequence[Moment], metric: Followed, target: str, variant: str) -> str:
    if variant and "baseline" in metric.needs:
        run = next(m.run for m in reversed(moments) if variant in m.run.variants)
        if variant == run.baseline:
            return f"--variant: '{variant}' is the baseline: its {metric.name} is over itself"
    whose = f"'{variant}'" if variant else "any variant"
    return f"no run of '{moments[-1].run.suite}' has {metric.name} of {whose} on {target}"


def _floor(
    moments: Sequence[Moment], metric: Followed, target: str, values: Sequence[Interval]
) -> float:
    """A speed-up's: how far the runs' A/A controls are from 1. Else the intervals' half-width."""
    if not metric.is_log:
        return float(np.median([(x.high - x.low) / 2 for x in values]))
    controls = [m.summaries.control[target] for m in moments if target in m.summaries.control]
    distances = [abs(log(control.value)) for control in controls]
    return float(np.quantile(distances, _MOST_CONTROLS)) if distances else 0.0
