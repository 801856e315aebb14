"""Tests of differences, and their correction for number; pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from compbench.statistics.distributions import coin_chances, t_tail


def mcnemar_p(correct: Sequence[NDArray[np.uint8]], baseline: Sequence[NDArray[np.uint8]]) -> float:
    """The exact p-value of McNemar's test: are both equally often right on the same N samples?

    One 0/1 array (N,) a seed. The seeds share the images, so an image's lead (how many more seeds
    are right there) is one observation, whose sign is equally likely either way if there is no
    difference. With one seed this is the test as published (McNemar, Psychometrika 12, 1947).
    """
    leads = np.sum(np.asarray(correct, int) - np.asarray(baseline, int), axis=0)
    return sign_flip_p(leads)


def sign_flip_p(leads: NDArray[np.int64]) -> float:
    """Two-sided p-value: how often random signs give a sum at least as far from 0; exact."""
    sizes, counts = np.unique(np.abs(leads[leads != 0]), return_counts=True)
    chances = np.ones(1)  # of the sum of the positive ones
    for size, count in zip(sizes, counts, strict=True):
        steps = np.zeros(size * count + 1)
        steps[::size] = coin_chances(count)
        chances = np.convolve(chances, steps)
    sums = 2 * np.arange(len(chances)) - (len(chances) - 1)
    return min(1.0, float(chances[np.abs(sums) >= abs(int(leads.sum()))].sum()))


def log_ratio_p(log_ratios: Sequence[float]) -> float:
    """The p-value of a t-test of the mean over launches: is the ratio 1?"""
    if len(log_ratios) < 2:
        return 1.0
    count, error = len(log_ratios), float(np.std(log_ratios, ddof=1)) / sqrt(len(log_ratios))
    mean = abs(float(np.mean(log_ratios)))
    if error == 0:
        return float(mean == 0)
    return 2 * t_tail(mean / error, count - 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Each p-value adjusted for being one of many: the chance of any false alarm stays below it.

    Holm's step-down procedure, Scandinavian Journal of Statistics 6, 1979.
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted
