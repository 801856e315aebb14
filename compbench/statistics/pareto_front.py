"""Which variants no other beats in accuracy, speed and bytes, as far as was shown; pure.

A variant leaves the front only for one that is shown to be no worse by more than a margin in all
three (non-inferiority) and measurably better in one. It is on the front where it is shown to be
better than each other one in something. Between the two it may be on the front.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from compbench.results.record import Run
from compbench.statistics.intervals import ALPHA
from compbench.statistics.paired_proportions import score

WRONGLY_DROPPED = 0.02  # how often a variant may leave the front that is better by the margin
SLOWER = 0.02  # a time longer by no more is no worse: the A/A control is allowed as much
LARGER = 0.01  # the same of bytes: names and versions in a file make it differ by some

_Square = NDArray[np.bool_]  # [i, j]: i beside j


@dataclass(frozen=True)
class Contender:
    """What was measured of a variant on a target."""

    variant: str
    correct: Mapping[int, NDArray[np.uint8]]  # by seed: 0/1 for each of the same N test samples
    log_ratios: Mapping[int, float]  # by launch: of its time to the baseline's
    size_bytes: float


@dataclass(frozen=True)
class Front:
    """`beaten_by` has, of each that is off the front, the fastest that beats it."""

    members: frozenset[str] = frozenset()
    undecided: frozenset[str] = frozenset()
    beaten_by: Mapping[str, str] = field(default_factory=dict)


def accuracy_margin(run: Run) -> float:
    """[pick]'s `margin`, or half the drop in accuracy that it allows: a share, 0 to 1."""
    margin = run.pick.get("margin")
    return (run.pick.get("max_drop") or 0.0) / 2 if margin is None else margin


def front(contenders: Sequence[Contender], margin: float, noise: float = 0.0) -> Front:
    """`margin` is of accuracy; no log-ratio of times up to `noise` is a difference (A/A control).

    Each claim is corrected for how many others a variant is compared with (Bonferroni).
    """
    if not contenders:
        return Front()
    others = max(1, len(contenders) - 1)
    no_worse, better = _by_bytes(contenders)
    for judged in (
        _by_accuracy(contenders, margin, others),
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


def _by_bytes(contenders: Sequence[Contender]) -> tuple[_Square, _Square]:
    size = np.array([c.size_bytes for c in contenders], float)
    ours, theirs = size[:, None], size[None, :]
    return ours <= theirs * (1 + LARGER), ours * (1 + LARGER) < theirs


def _by_accuracy(
    contenders: Sequence[Contender], margin: float, others: int
) -> tuple[_Square, _Square]:
    """By score tests of the paired differences, averaged over the seeds that both have."""
    seeds = sorted({seed for c in contenders for seed in c.correct})
    samples = len(next(iter(contenders[0].correct.values())))
    shape = (len(contenders), len(contenders))
    won, pairs = np.zeros(shape), np.zeros(shape)
    total = np.zeros((len(contenders), samples), np.float32)
    for seed in seeds:
        is_there = np.array([seed in c.correct for c in contenders])
        nothing = np.zeros(samples, np.uint8)
        right = np.array([c.correct.get(seed, nothing) for c in contenders], np.float32)
        both = np.outer(is_there, is_there)
        won += np.where(both, right @ (1 - right).T, 0)
        pairs += both
        total += right
    lost = won.T
    inner = (total @ total.T).astype(float)
    lengths = np.diag(inner)
    with np.errstate(invalid="ignore", divide="ignore"):
        together = (lengths[:, None] + lengths[None, :] - 2 * inner) / pairs**2
        won, lost = won / pairs, lost / pairs
        share = np.where(pairs == len(seeds), (together + 1) / (won + lost + 1), 1.0)
        share = np.clip(share, None, 1.0) if len(seeds) > 1 else np.ones(shape)
        no_worse = score(won, lost, samples, -margin, share) > -ndtri(WRONGLY_DROPPED / others)
        better = score(won, lost, samples, 0.0, share) > -ndtri(ALPHA / 2 / others)
    return no_worse & (pairs > 0), better & (pairs > 0)


def _by_speed(
    contenders: Sequence[Contender], noise: float, others: int
) -> tuple[_Square, _Square]:
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
