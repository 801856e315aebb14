"""Which of many contenders are no worse, and which are better than others by the metric; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from compbench.headline import Headline
from compbench.statistics.differences import Differences, mean_over_seeds
from compbench.statistics.intervals import ALPHA
from compbench.statistics.paired_proportions import score

WRONGLY_DROPPED = 0.02  # how often a variant may leave the front that is better by the margin

Square = NDArray[np.bool_]  # [i, j]: i beside j
ScoresBySeed = Mapping[int, NDArray[Any]]  # one for each of the same N test samples


def by_quality(
    scores: Sequence[ScoresBySeed], headline: Headline, margin: float, others: int
) -> tuple[Square, Square]:
    """No worse by more than the margin, and better; each corrected for so many others.

    By tests of the paired differences, averaged over the seeds that both have.
    """
    judged = _by_shares if headline.has_binary_scores else _by_numbers
    return judged(scores, headline, margin, others)


def _by_shares(
    scores: Sequence[ScoresBySeed], headline: Headline, margin: float, others: int
) -> tuple[Square, Square]:
    """By score tests (Tango); of all pairs at once. Shares are the better the higher they are."""
    seeds = sorted({seed for each in scores for seed in each})
    samples = len(next(iter(scores[0].values())))
    shape = (len(scores), len(scores))
    won, pairs = np.zeros(shape), np.zeros(shape)
    total = np.zeros((len(scores), samples), np.float32)
    for seed in seeds:
        is_there = np.array([seed in each for each in scores])
        nothing = np.zeros(samples, np.uint8)
        right = np.array([each.get(seed, nothing) for each in scores], np.float32)
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


def _by_numbers(
    scores: Sequence[ScoresBySeed], headline: Headline, margin: float, others: int
) -> tuple[Square, Square]:
    """By the ends of intervals of their differences, pair by pair."""
    gained = [{s: headline.gain(1) * headline.per_sample(x) for s, x in e.items()} for e in scores]
    no_worse, better = np.eye(len(scores), dtype=bool), np.zeros((len(scores),) * 2, bool)
    for i, ours in enumerate(gained):
        for j, theirs in enumerate(gained[:i]):
            common = [seed for seed in ours if seed in theirs]
            if not common:
                continue
            leads = mean_over_seeds([ours[s] - theirs[s] for s in common])
            found = Differences.of(leads)
            low, high = found.bounds(2 * WRONGLY_DROPPED / others)
            no_worse[i, j], no_worse[j, i] = low > -margin, high < margin
            low, high = found.bounds(ALPHA / others)
            better[i, j], better[j, i] = low > 0, high < 0
    return no_worse, better
