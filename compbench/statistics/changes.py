"""How two measurements differ: a change, its interval and its p-value; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, hypot, inf, log, sqrt

import numpy as np

from compbench.headline import ACCURACY, Headline
from compbench.statistics.differences import Differences, mean_over_seeds
from compbench.statistics.distributions import normal_tail, t_quantile, t_tail
from compbench.statistics.intervals import (
    ALPHA,
    CONFIDENCE,
    Interval,
    reach,
)
from compbench.statistics.quality_change import between
from compbench.statistics.scores import Scores, metric_interval, paired_interval, paired_p

RESOLUTION = 1e-9  # of a log-ratio's standard error: clocks of nanoseconds tell no more


@dataclass(frozen=True)
class Change:
    """A difference or a ratio with its 95 % interval.

    `p_value` is how often chance alone gives one as large; `adjusted` the same after Holm's
    correction for the comparisons made beside it. `is_beyond_noise` is whether the A/A control
    leaves room for it. `is_significant` needs both.
    """

    interval: Interval
    p_value: float
    is_beyond_noise: bool = True
    adjusted: float = 1.0

    @property
    def is_significant(self) -> bool:
        """Whether one may say that something changed."""
        return self.is_beyond_noise and self.adjusted < ALPHA

    def side(self, null: float) -> int:
        """+1 or -1 where it is significantly above or below `null`, else 0: no word then."""
        return (1 if self.interval.value > null else -1) if self.is_significant else 0


def paired_files(a: Scores, b: Scores, headline: Headline = ACCURACY) -> Change:
    """The metric of b minus that of a on the same N samples, seed by seed: of these files."""
    return Change(paired_interval(b, a, headline), paired_p(b, a, headline))


def paired_techniques(a: Scores, b: Scores, headline: Headline = ACCURACY) -> Change:
    """The same of two techniques, were they trained again: from two seeds or more.

    Of a single sample, which shows no spread, it is of these files.
    """
    found = between(dict(enumerate(b)), dict(enumerate(a)), headline=headline)
    assert found is not None
    return Change(found.interval, found.p_value)


def unpaired(a: Scores, b: Scores, headline: Headline = ACCURACY) -> Change:
    """The metric of b minus that of a on samples that may not be the same."""
    return (_unpaired_shares if headline.has_binary_scores else _unpaired_numbers)(a, b, headline)


def _unpaired_shares(a: Scores, b: Scores, headline: Headline) -> Change:
    """Newcombe's interval from the two Wilson intervals (method 10; Statistics in Medicine 17,
    1998) and the z-test of two shares (pooled). Seeds share their samples: they are averaged.
    """
    ours, theirs = metric_interval(b, headline), metric_interval(a, headline)
    value = ours.value - theirs.value
    low = value - sqrt((ours.value - ours.low) ** 2 + (theirs.high - theirs.value) ** 2)
    high = value + sqrt((ours.high - ours.value) ** 2 + (theirs.value - theirs.low) ** 2)
    counts = len(b[0]), len(a[0])
    pooled = (ours.value * counts[0] + theirs.value * counts[1]) / sum(counts)
    error = sqrt(pooled * (1 - pooled) * sum(1 / count for count in counts))
    p_value = 2 * normal_tail(abs(value) / error) if error else 1.0
    return Change(Interval(value, low, high), p_value)


def _unpaired_numbers(a: Scores, b: Scores, headline: Headline) -> Change:
    """Welch's t-interval and test (Biometrika 34, 1947) of the two sets' means."""
    one, other = (
        Differences.of(mean_over_seeds([headline.per_sample(s) for s in side])) for side in (a, b)
    )
    value = other.change - one.change
    if min(one.samples, other.samples) < 2:  # of a single sample nobody knows the spread
        return Change(Interval(value, -inf, inf), 1.0)
    error = hypot(one.error, other.error)
    if not error:
        return Change(Interval(value, value, value), float(not value))
    shares = (((x.error / error) ** 2, x.samples - 1) for x in (one, other))
    freedom = 1 / sum(share**2 / count for share, count in shares)
    half = t_quantile(0.5 + CONFIDENCE / 2, freedom) * error
    return Change(
        Interval(value, value - half, value + half), 2 * t_tail(abs(value) / error, freedom)
    )


def ratio_of_ratios(a: Sequence[float], b: Sequence[float], floor: float | None) -> Change | None:
    """Speed-up in b over that in a, from one log speed-up for each of their launches.

    Welch's t-interval and test: the launches of two runs are independent, and their spreads may
    differ. `floor` is the least |log-ratio| that the A/A controls leave room for, None if unknown.
    """
    if len(a) < 2 or len(b) < 2:
        return None
    mean = float(np.mean(b) - np.mean(a))
    squares = [max(float(np.var(s, ddof=1)) / len(s), RESOLUTION**2) for s in (a, b)]
    error = sqrt(sum(squares))
    freedom = error**4 / sum(
        square**2 / (len(s) - 1) for square, s in zip(squares, (a, b), strict=True)
    )
    return _ratio(mean, error, freedom, floor)


def side_by_side(time_ratio: Interval, launches: int, control: Interval) -> Change:
    """Speed of b over that of a, from the ratio of their times that a gate measured."""
    half = (log(time_ratio.high) - log(time_ratio.low)) / 2
    error = max(half / t_quantile(0.5 + CONFIDENCE / 2, launches - 1), RESOLUTION)
    return _ratio(-log(time_ratio.value), error, launches - 1, reach(control))


def _ratio(mean: float, error: float, freedom: float, floor: float | None) -> Change:
    half = t_quantile(0.5 + CONFIDENCE / 2, freedom) * error
    p_value = 2 * t_tail(abs(mean) / error, freedom)
    interval = Interval(exp(mean), exp(mean - half), exp(mean + half))
    return Change(interval, p_value, floor is not None and abs(mean) > floor)
