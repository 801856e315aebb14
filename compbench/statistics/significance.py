"""Tests of differences, and their correction for number; pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import ceil, exp, log, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from compbench.statistics.distributions import root, t_tail


def mcnemar_p(correct: Sequence[NDArray[np.uint8]], baseline: Sequence[NDArray[np.uint8]]) -> float:
    """The exact p-value of McNemar's test: are both equally often right on the same N samples?

    One 0/1 array (N,) a seed. The seeds share the images, so an image's lead (how many more seeds
    are right there) is one observation, whose sign is equally likely either way if there is no
    difference. With one seed this is the test as published (McNemar, Psychometrika 12, 1947).
    """
    leads = np.sum(np.asarray(correct, int) - np.asarray(baseline, int), axis=0)
    return sign_flip_p(leads)


def sign_flip_p(leads: NDArray[np.int64]) -> float:
    """Two-sided p-value: how often random signs give a sum at least as far from 0; exact.

    The chances of all sums at once are a Fourier transform of the product of cos(size · t), one for
    each lead. That is exact where sums are likely, so the signs are weighted (exponential tilting;
    H. E. Daniels, Annals of Mathematical Statistics 25, 1954) until the sum found is so, and the
    weights are taken out again. The time grows with the samples, not with their square.
    """
    sizes, counts = np.unique(np.abs(leads[leads != 0]), return_counts=True)
    at, most = abs(int(leads.sum())), int((sizes * counts).sum())
    if not at:
        return 1.0
    mean = partial(_tilted_mean, sizes, counts)
    tilt = _STRONGEST
    if mean(tilt) > at:
        tilt = root(lambda tilt: mean(tilt) - at, 0.0, _STRONGEST, within=1e-6)
    spread = sqrt(float((sizes**2 * counts).sum()))
    length = 1 << min(2 * most + 1, ceil(2 * _FAR * spread)).bit_length()
    angle = 2 * pi * np.arange(length // 2 + 1) / length
    waves = np.ones(len(angle), complex)
    for size, count in zip(sizes, counts, strict=True):
        waves *= (np.cos(size * angle) - 1j * np.tanh(size * tilt) * np.sin(size * angle)) ** count
    chances = np.fft.irfft(waves, length)
    sums = np.arange(at, min(most, at + length // 2 - 1) + 1)
    tail = float((chances[sums % length] * np.exp(-tilt * (sums - at))).sum())
    weight = float((counts * _log_cosh(sizes * tilt)).sum()) - tilt * at
    return min(1.0, float(f"{2 * tail * exp(weight):.{_DIGITS}g}"))


_DIGITS = 10  # that are sure
_STRONGEST = 20.0  # tilt: of such weights hardly a sign is negative
_FAR = 12  # standard deviations: sums farther from the likeliest are never seen (Hoeffding: e^-72)


def _tilted_mean(sizes: NDArray[np.int64], counts: NDArray[np.int64], tilt: float) -> float:
    return float((sizes * counts * np.tanh(sizes * tilt)).sum())


def _log_cosh(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values + np.log1p(np.exp(-2 * values)) - log(2)


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
