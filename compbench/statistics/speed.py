"""The one rule for every word on speed: faster, slower, or as fast within noise; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from compbench.statistics.intervals import Interval, distinguishable, log_ratio_interval
from compbench.statistics.significance import holm, log_ratio_p

_Name = TypeVar("_Name")


@dataclass(frozen=True)
class Speed:
    """How many times as fast; `side` is 1 where it is faster, -1 slower, 0 neither."""

    ratio: Interval | None
    p_value: float | None  # adjusted for all that was judged beside it
    side: int


def judge(
    log_speedups: Mapping[_Name, Sequence[float]], control: Interval | None
) -> dict[_Name, Speed]:
    """Of each its ratio and word, from a log-ratio a launch; `control` is the A/A arm's ratio.

    Different is what a t-test over launches tells, corrected for the number of names (Holm), and
    what is farther from 1 than the A/A arm's interval.
    """
    p_values = {name: log_ratio_p(logs) for name, logs in log_speedups.items() if len(logs) > 1}
    adjusted = dict(zip(p_values, holm(list(p_values.values())), strict=True))
    found = {}
    for name, logs in log_speedups.items():
        ratio, p_value = log_ratio_interval(logs), adjusted.get(name)
        side = distinguishable(ratio, control, 1.0 if p_value is None else p_value)
        found[name] = Speed(ratio, p_value, side)
    return found


def unless_opposed(side: int, ours_ns: float | None, theirs_ns: float | None) -> int:
    """The same side, or 0 where the medians of all runs say the opposite.

    So no table calls faster what has the longer time beside it.
    """
    if ours_ns is None or theirs_ns is None:
        return side
    return 0 if side * (theirs_ns - ours_ns) < 0 else side
