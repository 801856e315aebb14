"""The metrics that can be compared across moments, and what must be alike for that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from typing import Literal

from compbench import metrics, units
from compbench.contracts.metric import Condition, MetricBase, MetricHistory, written
from compbench.errors import UserError, nearest
from compbench.headline import ACCURACY, Headline
from compbench.statistics.intervals import Interval
from compbench.statistics.summary import Summary
from compbench.table.columns import columns

_DIRECTIONS: dict[str, Literal[-1, 0, 1]] = {"lower": -1, "neither": 0, "higher": 1}
_TIMES = ("latency", "throughput", "time", "p50", "p90", "p99")


@dataclass(frozen=True)
class Followed:
    """A metric over runs. Values of runs whose `needs` differ are told apart.

    `is_noisy`: measuring the same file again gives another value, so that one run is no evidence.
    """

    name: str
    label: str
    read: Callable[[Summary], Interval | float | None]
    write: Callable[[float], str]
    better: Literal[-1, 0, 1]  # the direction
    needs: tuple[Condition, ...] = ()
    is_noisy: bool = False
    is_log: bool = False  # a ratio of times, whose noise is of its logarithm
    is_ratio: bool = True  # steps are relative, else differences
    headline: Headline | None = None  # where it is of the task's metric: only runs by that have it

    def size(self, before: float, after: float) -> float:
        """A step's size: a share of the value before, or the difference."""
        return after / before - 1 if self.is_ratio and before else after - before

    def size_text(self, before: float, after: float) -> str:
        """+5.1 %, −0.52 pp, +0.012 eV."""
        if self.headline:
            return self.headline.difference_text(self.size(before, after))
        unit = "%" if self.is_ratio and before else "pp"
        return f"{units.signed(100 * self.size(before, after))} {unit}"

    def is_foreign(self, headline: Headline) -> bool:
        """Whether a run by this metric has no values of it."""
        return self.headline is not None and self.headline != headline

    def width_text(self, width: float) -> str:
        """Of an interval: 0.25 pp, 0.012 eV."""
        if self.headline and not self.headline.is_share:
            return f"{units.three_digits(width)} {self.headline.unit}".rstrip()
        return f"{100 * width:.2f} pp"


def followed(headline: Headline = ACCURACY) -> dict[str, Followed]:
    """All metrics that have a history, in the order of the tidy table."""
    found = [
        _followed(metric, metric.history, headline)
        for metric in metrics.every().values()
        if metric.history is not None
    ]
    return {each.name: each for each in found}


def _followed(metric: MetricBase, how: MetricHistory, headline: Headline) -> Followed:
    column = how.column or metric.name
    if how.by_headline is not None:
        return Followed(
            (how.name or metric.name).replace("{name}", headline.name),
            how.label.replace("{metric}", headline.label),
            partial(_read, column),
            partial(how.by_headline, headline),
            _DIRECTIONS[headline.better],
            how.needs,
            is_ratio=False,
            headline=headline,
        )
    return Followed(
        how.name or metric.name,
        how.label or metric.label,
        partial(_read, column),
        how.write or partial(written, unit=_unit(metric, column)),
        _DIRECTIONS[metric.better],
        how.needs,
        is_noisy=how.is_noisy,
        is_log=how.is_log,
        is_ratio=how.is_ratio,
    )


def _unit(metric: MetricBase, column: str) -> str:
    given = metric.given.get(column)
    return given.unit if given else metric.unit


def _read(column: str, summary: Summary) -> Interval | float | None:
    """A further metric's figure, or a field of the summary."""
    if column in summary.further:
        return summary.further[column].value
    return getattr(summary, column, None)


def find(name: str, headline: Headline = ACCURACY) -> Followed:
    """A metric by its name. Raises UserError with the nearest, or why it can't be compared."""
    known_metrics = followed(headline)
    if name in known_metrics:
        return known_metrics[name]
    known = {*columns(headline), *(field.name for field in fields(Summary)), *_TIMES}
    is_time = name.endswith(("_ns", "_seconds", "_per_s")) or "per_s" in name or name in _TIMES
    if is_time and (name in known or "per_s" in name):
        raise UserError(
            f"--metric: {name} is a time of its moment, and times of different moments can't be "
            "compared; take speedup, which each run measures side by side"
        )
    raise UserError(f"--metric: there is no history of '{name}'{nearest(name, known_metrics)}")
