"""Which variants no other beats in quality, speed and bytes, as far as was shown; pure.

A variant leaves the front only for one that is shown to be no worse by more than a margin in all
three (non-inferiority) and measurably better in one. It is on the front where it is shown to be
better than each other one in something. Between the two it may be on the front.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import stdtrit

from compbench.headline import ACCURACY, Headline
from compbench.statistics.front_quality import WRONGLY_DROPPED, ScoresBySeed, Square, by_quality
from compbench.statistics.intervals import ALPHA
from compbench.statistics.sizes import LARGER

SLOWER = 0.02  # a time longer by no more is no worse: the A/A control is allowed as much


@dataclass(frozen=True)
class Contender:
    """What was measured of a variant on a target."""

    variant: str
    scores: ScoresBySeed
    log_ratios: Mapping[int, float]  # by launch: of its time to the baseline's
    size_bytes: float


@dataclass(frozen=True)
class Front:
    """`beaten_by` has, of each that is off the front, the fastest that beats it."""

    members: frozenset[str] = frozenset()
    undecided: frozenset[str] = frozenset()
    beaten_by: Mapping[str, str] = field(default_factory=dict)


def front(
    contenders: Sequence[Contender],
    margin: float,
    noise: float = 0.0,
    headline: Headline = ACCURACY,
) -> Front:
    """`margin` is in the metric's unit; no log-ratio of times up to `noise` is a difference.

    That is the A/A control's. Each claim is corrected for how many others a variant is compared
    with (Bonferroni).
    """
    if not contenders:
        return Front()
    others = max(1, len(contenders) - 1)
    no_worse, better = _by_bytes(contenders)
    for judged in (
        by_quality([c.scores for c in contenders], headline, margin, others),
        _by_speed(contenders, noise, others),
    ):
        no_worse, better = no_worse & judged[0], better | judged[1]
    beats = no_worse & better & ~better.T
    np.fill_diagonal(better, True)
    names = [c.variant for c in contenders]
    times = np.array([np.mean(list(c.log_ratios.values())) for c in contenders])
    off = np.flatnonzero(beats.any(axis=0))
    members = frozenset(names[i] for i in np.flatnonzero(better.all(axis=1)))
    beaten_by = {
        names[j]: names[min(np.flatnonzero(beats[:, j]), key=times.__getitem__)] for j in off
    }
    return Front(members, frozenset(names) - members - beaten_by.keys(), beaten_by)


def _by_bytes(contenders: Sequence[Contender]) -> tuple[Square, Square]:
    size = np.array([c.size_bytes for c in contenders], float)
    ours, theirs = size[:, None], size[None, :]
    return ours <= theirs * (1 + LARGER), ours * (1 + LARGER) < theirs


def _by_speed(contenders: Sequence[Contender], noise: float, others: int) -> tuple[Square, Square]:
    """By t-tests over the launches that both were in."""
    launches = sorted({launch for c in contenders for launch in c.log_ratios})
    nan = float("nan")
    logs = np.array([[c.log_ratios.get(launch, nan) for launch in launches] for c in contenders])
    leads = logs[None, :, :] - logs[:, None, :]  # [i, j]: above 0 where i is faster
    count = np.isfinite(leads).sum(axis=2)
    enough = count > 1
    degrees = np.where(enough, count - 1, 1)
    mean = np.nansum(leads, axis=2) / np.maximum(count, 1)
    squares = np.nansum((leads - mean[:, :, None]) ** 2, axis=2)
    error = np.sqrt(squares / degrees / np.maximum(count, 1))
    no_worse = mean + np.log1p(SLOWER) > stdtrit(degrees, 1 - WRONGLY_DROPPED / others) * error
    better = mean > stdtrit(degrees, 1 - ALPHA / 2 / others) * error
    return no_worse & enough, better & enough & (mean > noise)
