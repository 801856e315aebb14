"""Percentiles of latencies with intervals, where enough was seen of the tail; pure."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, exp, floor, sqrt

import numpy as np
from numpy.typing import NDArray

from compbench.statistics.distributions import t_quantile
from compbench.statistics.intervals import CONFIDENCE, Interval

NOISE_NS = 100_000_000  # noise lasts about so long: what is slow within it is slow together
LEAST_BEYOND = 10  # stretches of that length beyond a percentile, on average


def stretches(turns: Mapping[int, int], span_ns: Mapping[int, int]) -> float:
    """How many stretches of noise an arm has seen, from its turns and the time of each launch."""
    return sum(min(count, span_ns[launch] / NOISE_NS) for launch, count in turns.items())


def percentile(
    by_launch: Mapping[int, NDArray[np.int64]], seen: float, share: float
) -> Interval | None:
    """The quantile of all durations; None where fewer than ten of the `seen` stretches exceed it.

    Its interval is that of the share that exceeds it, a t-interval over launches of its logarithm,
    no narrower than that of so many stretches, taken to the durations of those shares (Woodruff,
    JASA 47, 1952). A quantile in each launch would miss what is in some launches only.
    """
    launches, beyond = [v for v in by_launch.values() if len(v)], 1 - share
    if len(launches) < 2 or seen * beyond < LEAST_BEYOND:
        return None
    durations = np.sort(np.concatenate(launches))
    count = len(durations)
    value = float(np.quantile(durations, share))
    shares = [np.count_nonzero(launch > value) / len(launch) for launch in launches]
    error = max(
        float(np.std(shares, ddof=1)) / sqrt(len(launches)),
        sqrt(share * beyond / min(count, seen)),
    )
    half = t_quantile(0.5 + CONFIDENCE / 2, len(launches) - 1) * error / beyond
    most, least = beyond * exp(half), beyond * exp(-half)
    if most >= 1 or least * count < 1:  # an end lies beyond what was measured
        return None
    low = float(durations[max(0, floor((1 - most) * count))])
    high = float(durations[min(count - 1, ceil((1 - least) * count))])
    return Interval(value, min(low, value), max(high, value))
