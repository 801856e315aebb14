"""Is a loss of quality within a limit? Told only where it is shown, whatever was looked at; pure.

A test of non-inferiority (one-sided, 5 %) at the interval's end, corrected for how many candidates
were looked at on the same samples (Bonferroni): of all that are called within the limit, in at most
5 % of splits is any truly beyond it. So the best of many does not win by luck alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from compbench.headline import ACCURACY, Headline
from compbench.statistics.intervals import ALPHA, Interval
from compbench.statistics.scores import Paired


class Standing(StrEnum):
    """What the samples show of a drop and its limit."""

    WITHIN = "within"
    BEYOND = "beyond"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Drop:
    """A change of the metric against a limit.

    `change` has ends that are 95 % sure on either side, for all candidates together;
    `samples_to_decide` is how many would decide if their spread stayed the same, None if none
    would.
    """

    standing: Standing
    change: Interval
    samples: int
    samples_to_decide: int | None
    keeps_by_estimate: bool
    headline: Headline = ACCURACY


def judge(found: Paired, limit: float, candidates: int = 1, headline: Headline = ACCURACY) -> Drop:
    """Of one of so many candidates; `limit` is the loss that is allowed, in the metric's unit."""
    alpha = 2 * ALPHA / max(1, candidates)
    change = Interval(found.change, *found.bounds(alpha))
    least, most = sorted((headline.gain(change.low), headline.gain(change.high)))
    if (headline.is_share and limit >= 1) or least > -limit:
        standing = Standing.WITHIN
    elif most < -limit:
        standing = Standing.BEYOND
    else:
        standing = Standing.UNDECIDED
    null = headline.gain(-limit)
    needed = found.samples_to_decide(null, alpha) if standing is Standing.UNDECIDED else None
    keeps = headline.gain(found.change) >= -limit - _ROUNDING
    return Drop(standing, change, found.samples, needed, keeps, headline)


_ROUNDING = 1e-9
