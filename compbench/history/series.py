"""A variant's values over runs, the levels that they keep to, and the steps between these; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log

import numpy as np

from compbench.history.metrics import Followed
from compbench.history.runs import Moment, remade, unlike
from compbench.statistics.change_points import Demands, Level, levels
from compbench.statistics.distributions import t_quantile
from compbench.statistics.intervals import CONFIDENCE, Interval

_REMADE = {
    "rebuilt": "the file was rebuilt",
    "another recipe": "the file is of another recipe",
    "other seeds": "other seeds",
}


@dataclass(frozen=True)
class Point:
    """A variant in one run: `at` is the run's place in the history."""

    at: int
    interval: Interval  # without width where the metric has none
    group: int  # values of different groups can't be compared
    remade: str  # what became of the file since the point before; empty: it is the same


@dataclass(frozen=True)
class Step:
    """From the run `at` on the level is `after`; the run `since` was the last one before.

    `coincides` is what else is new between the two. `is_apart`: machine, target, baseline or
    dataset is another one, so the step says nothing of the file.
    """

    since: int
    at: int
    before: float
    after: float
    coincides: tuple[str, ...]
    is_apart: bool = False


@dataclass(frozen=True)
class Series:
    """A variant's points, the levels that they keep to, and the steps between these."""

    variant: str
    points: tuple[Point, ...]
    levels: tuple[tuple[int, int, float], ...]  # the first and the last run, and the mean
    steps: tuple[Step, ...]
    short: tuple[int, ...]  # groups with too few points to look for steps


@dataclass(frozen=True)
class Search:
    """What all series of a history share."""

    moments: tuple[Moment, ...]
    metric: Followed
    target: str
    demands: Demands

    def series(self, variant: str, points: Sequence[Point]) -> Series:
        """Steps are looked for in each group, and where a group is first met."""
        groups = dict.fromkeys(p.group for p in points)
        members = {group: [p for p in points if p.group == group] for group in groups}
        kept = [
            here[x.start : x.end] for here in members.values() for x in self._levels(here)
        ]  # the points of each level
        pairs = [(a, b) for a, b in pairwise(kept) if a[0].group == b[0].group]
        steps = [self._step(variant, a, b) for a, b in pairs]
        for here in list(members.values())[1:]:
            met = points.index(here[0])
            former = next(level for level in kept if points[met - 1] in level)
            former = [p for p in former if p.at < here[0].at]
            level = next(level for level in kept if here[0] in level)
            if [x.start for x in self._levels([*former, *level])[1:]] == [len(former)]:
                steps.append(self._step(variant, former, level, is_apart=True))
        steps.sort(key=lambda step: step.at)
        spans = tuple((x[0].at, x[-1].at, self._mean(x)) for x in kept)
        short = tuple(g for g, here in members.items() if len(here) < 2 * self.demands.least)
        return Series(variant, tuple(points), spans, tuple(steps), short)

    def _levels(self, points: Sequence[Point]) -> list[Level]:
        values = [self._scaled(p.interval.value) for p in points]
        return levels(values, [self._error(p) for p in points], self.demands)

    def _step(
        self, variant: str, a: Sequence[Point], b: Sequence[Point], *, is_apart: bool = False
    ) -> Step:
        one, other = self.moments[a[-1].at], self.moments[b[0].at]
        matters = {"machine", "dataset", *self.metric.needs}
        different = unlike(one, other, self.target).items()
        new = [f"another {what} ({how})" for what, how in different if what in matters]
        file = remade(one, other, variant)
        new += [_REMADE[file]] if file else []
        if "baseline" in self.metric.needs and remade(one, other, one.run.baseline):
            new.append("the baseline's file is another one")
        return Step(a[-1].at, b[0].at, self._mean(a), self._mean(b), tuple(new), is_apart)

    def _mean(self, points: Sequence[Point]) -> float:
        mean = float(np.mean([self._scaled(p.interval.value) for p in points]))
        return exp(mean) if self.metric.is_log else mean

    def _scaled(self, value: float) -> float:
        return log(value) if self.metric.is_log else value

    def _error(self, point: Point) -> float:
        """Of a speed-up: from its t-interval over launches."""
        if not self.metric.is_log:
            return 0.0
        freedom = max(1, self.moments[point.at].run.measure["launches"] - 1)
        reach = log(point.interval.high / point.interval.low) / 2
        return reach / t_quantile(0.5 + CONFIDENCE / 2, freedom)
