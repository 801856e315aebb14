"""Is a drop in accuracy within a limit? Told only where it is shown, whatever was looked at; pure.

A test of non-inferiority (one-sided, 5 %) at the score interval's end, corrected for how many
candidates were looked at on the same samples (Bonferroni): of all that are called within the limit,
in at most 5 % of splits is any truly beyond it. So the best of many does not win by luck alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from compbench.statistics.intervals import ALPHA, Interval
from compbench.statistics.paired_proportions import Disagreement


class Standing(StrEnum):
    """What the samples show of a drop and its limit."""

    WITHIN = "within"
    BEYOND = "beyond"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Drop:
    """A change in accuracy against a limit.

    `change` has ends that are 95 % sure on either side, for all candidates together;
    `samples_to_decide` is how many would decide if the shares stayed the same, None if none would.
    """

    standing: Standing
    change: Interval
    samples: int
    samples_to_decide: int | None
    keeps_by_estimate: bool


def judge(found: Disagreement, limit: float, candidates: int = 1) -> Drop:
    """Of one of so many candidates; `limit` is the drop that is allowed, a share from 0 to 1."""
    alpha = 2 * ALPHA / max(1, candidates)
    change = Interval(found.change, *found.bounds(alpha))
    if limit >= 1 or change.low > -limit:
        standing = Standing.WITHIN
    elif change.high < -limit:
        standing = Standing.BEYOND
    else:
        standing = Standing.UNDECIDED
    needed = found.samples_to_decide(-limit, alpha) if standing is Standing.UNDECIDED else None
    keeps = found.change >= -limit - _ROUNDING
    return Drop(standing, change, found.samples, needed, keeps)


_ROUNDING = 1e-9
