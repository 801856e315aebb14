"""Measure, extend what is undecided, measure a failure again: the same for time and memory. Pure.

A failure stands only where launches of their own, their number fixed before the first of them, fail
as well: nothing that was undecided before is in them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Generic, TypeVar

from scipy.special import stdtrit

from compbench.gate.check import Verdict
from compbench.statistics.intervals import ALPHA

T = TypeVar("T")
AGAIN = 2  # times as many as at first, when a failure is measured again: fewer would miss real ones
MOST = 9_999  # more than these nobody would measure


@dataclass(frozen=True)
class Settled(Generic[T]):
    """A verdict, what it rests on, and all that was measured on the way to it."""

    verdict: Verdict
    decisive: tuple[T, ...]
    taken: tuple[T, ...]
    unconfirmed: bool = False  # it failed at first, and not when it was measured again


def settled(
    take: Callable[[int], Sequence[T]], judge: Callable[[Sequence[T]], Verdict], count: int
) -> Settled[T]:
    """`take(n)` measures n more: `count` at first, as many more where those are undecided."""
    first = tuple(take(count))
    found = judge(first)
    if found is Verdict.INCONCLUSIVE:
        first += tuple(take(count))
        found = judge(first)
    if found is not Verdict.FAIL:
        return Settled(found, first, first)
    again = tuple(take(AGAIN * count))
    if judge(again) is Verdict.FAIL:
        return Settled(Verdict.FAIL, again, first + again)
    return Settled(Verdict.INCONCLUSIVE, first + again, first + again, unconfirmed=True)


def enough(spread: float, distance: float) -> int | None:
    """How many values of such a spread have a 95 % t-interval of their mean short of `distance`.

    None where more than `MOST` would be needed.
    """

    def is_enough(count: int) -> bool:
        return quantile(count - 1) * spread < distance * sqrt(count)

    if not is_enough(MOST):  # nan as well
        return None
    low, high = 1, MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def needed_text(count: int | None) -> str:
    """How many would decide, as `enough` found it: an estimate."""
    return f"about {count:,}" if count else f"more than {MOST:,}"


def quantile(freedom: float) -> float:
    """Student's t of a 95 % interval."""
    return float(stdtrit(freedom, 1 - ALPHA / 2))
