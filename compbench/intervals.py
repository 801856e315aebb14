"""Estimates with their intervals and tests: accuracies, changes, time ratios, percentiles; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, log, sqrt
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import stdtr

CONFIDENCE = 0.95
ALPHA = 1 - CONFIDENCE
_Z = float(stats.norm.ppf(0.5 + CONFIDENCE / 2))
# the fewest samples that support a percentile at 99 % confidence within half its tail, by the
# binomial early-stopping rule of MLPerf: that is 662 for p99
_PERCENTILES = {"p90": (0.90, 64), "p99": (0.99, 662)}


class Interval(NamedTuple):
    """An estimate with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def accuracy_interval(correct: Sequence[NDArray[np.uint8]]) -> Interval:
    """Mean accuracy over seeds, with Wilson's interval for the one set of test samples.

    `correct` is a 0/1 array (N,) for each seed. The seeds share the N samples, so they don't count
    as more of them; their own spread is told apart. Source: Wilson, JASA 22, 1927.
    """
    mean, count = float(np.mean(correct)), len(correct[0])
    interval = stats.binomtest(round(mean * count), count).proportion_ci(CONFIDENCE, "wilson")
    return Interval(mean, float(interval.low), float(interval.high))


def paired_change(
    correct: Sequence[NDArray[np.uint8]], baseline: Sequence[NDArray[np.uint8]]
) -> Interval:
    """Accuracy difference on the same N samples, averaged over seeds, with a 95 % interval.

    Agresti and Min's adjusted Wald interval (half a sample added to each cell of the paired 2×2
    table; Statistics in Medicine 24, 2005), which extends to differences averaged over seeds.
    """
    differences = np.mean(np.asarray(correct, float) - np.asarray(baseline, float), axis=0)
    count, total = len(differences), float(differences.sum())
    centre = total / (count + 2)
    variance = (float((differences**2).sum()) + 1) / (count + 2) - centre**2
    half = _Z * sqrt(variance / (count + 2))
    return Interval(total / count, max(-1.0, centre - half), min(1.0, centre + half))


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
        steps[::size] = stats.binom.pmf(np.arange(count + 1), count, 0.5)
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
    return 2 * float(stdtr(count - 1, -mean / error))


def holm(p_values: Sequence[float]) -> list[float]:
    """Each p-value adjusted for being one of many: the chance of any false alarm stays below it.

    Holm's step-down procedure, Scandinavian Journal of Statistics 6, 1979.
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def log_ratio_interval(log_ratios: Sequence[float]) -> Interval | None:
    """The ratio exp(mean) with a t-interval over launches, from one log-ratio a launch."""
    if len(log_ratios) < 2:
        return None
    mean = float(np.mean(log_ratios))
    error = float(np.std(log_ratios, ddof=1)) / sqrt(len(log_ratios))
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, len(log_ratios) - 1)) * error
    return Interval(exp(mean), exp(mean - half), exp(mean + half))


def distinguishable(speedup: Interval | None, control: Interval | None, p: float = 0.0) -> int:
    """+1 where the variant is faster, -1 slower, 0 where noise could explain the difference.

    The interval must lie on one side of 1, its p-value (adjusted for many comparisons) below 0.05,
    and the ratio be farther from 1 than the A/A control's interval reaches.
    """
    if speedup is None or control is None or p >= ALPHA:
        return 0
    if abs(log(speedup.value)) <= reach(control):
        return 0
    return side(speedup, 1)


def reach(control: Interval) -> float:
    """How far from 1 an A/A control's interval goes, as |log-ratio|."""
    return max(abs(log(control.low)), abs(log(control.high)))


def side(interval: Interval, null: float) -> int:
    """+1 or -1 where the whole interval is above or below `null`, else 0."""
    return int(interval.low > null) - int(interval.high < null)


def percentile(durations_ns: NDArray[np.int64], name: Literal["p90", "p99"]) -> float | None:
    """A percentile in ns, or None where there are too few samples to support it."""
    share, least = _PERCENTILES[name]
    return float(np.quantile(durations_ns, share)) if len(durations_ns) >= least else None


def turn_medians(samples: Mapping[str, NDArray]) -> NDArray[np.float64]:
    """The median kept duration of each turn, in ns; columns as `measure.Latencies` has them."""
    kept = samples["kept"] == 1
    return turn_medians_of(samples["duration_ns"][kept], samples["turn"][kept])


def turn_medians_of(kept_ns: NDArray[np.int64], turns: NDArray[np.int32]) -> NDArray[np.float64]:
    """The same of kept durations alone; every turn has as many of them."""
    return np.median(kept_ns.reshape(int(turns[-1]) + 1, -1), axis=1)


def launch_log_ratio(samples: Mapping[str, NDArray], baseline: Mapping[str, NDArray]) -> float:
    """The median over turns of log(time / baseline's time in the same turn)."""
    return float(np.median(np.log(turn_medians(samples) / turn_medians(baseline))))
