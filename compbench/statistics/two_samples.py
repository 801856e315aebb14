"""Two independent samples: do they come from one distribution, and how far are they apart? Pure.

Counts by Fisher's exact test (R. A. Fisher, Journal of the Royal Statistical Society 98, 1935);
numbers by their ranks (H. B. Mann and D. R. Whitney, Annals of Mathematical Statistics 18, 1947).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from compbench.statistics.distributions import normal_quantile, normal_tail, root
from compbench.statistics.intervals import ALPHA, Interval

FOUND = 0.9  # how often the smallest change is found
_EQUAL = 1 + 1e-7  # chances that only roundings tell apart
_SURE = 1e-6  # how near the smallest share is told

Counts = tuple[int, int]  # so many of so many samples


def fisher_p(one: Counts, other: Counts) -> float:
    """Two-sided p-value: is what was counted as frequent in both? Exact whatever the numbers are.

    The chance of all tables with the same margins that are no likelier than the one found.
    """
    (a, n), (b, m) = one, other
    chances = _hypergeometric(a + b, n, m)
    return min(1.0, float(chances[chances <= chances[a - max(0, a + b - m)] * _EQUAL].sum()))


def _hypergeometric(hits: int, n: int, m: int) -> NDArray[np.float64]:
    """The chance of each count, from the smallest possible on, of `hits` among n and m samples."""
    counts = np.arange(max(0, hits - m), min(hits, n) + 1)
    logs = _log_choices(n, counts) + _log_choices(m, hits - counts) - _log_choices(n + m, hits)
    return np.exp(logs)


def _log_choices(n: int, k: Any) -> Any:
    return special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)


def rank_p(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Two-sided p-value of Mann and Whitney's test, by its normal limit, corrected for ties.

    Numbers of one distribution, whatever it is, are called different so often; with 20 of them or
    more the limit is near enough, far out in the tail too (tests/statistics).
    """
    n, m = len(one), len(other)
    ranks, tied = _ranks(np.concatenate([one, other]))
    u = float(ranks[:n].sum()) - n * (n + 1) / 2
    total = n + m
    ties = float((tied**3 - tied).sum()) / (total * (total - 1))
    spread = sqrt(max(0.0, n * m / 12 * (total + 1 - ties)))
    if not spread:
        return 1.0
    return min(1.0, 2 * normal_tail(max(0.0, abs(u - n * m / 2) - 0.5) / spread))


def superiority(one: NDArray[Any], other: NDArray[Any]) -> Interval:
    """In which share of all pairs the number of `one` is the larger; ties are half a pair.

    0.5 where they are alike. The 95 % interval is that of E. R. DeLong et al., Biometrics 44, 1988,
    on the scale of log-odds, so that it stays within 0 and 1; where no pair is otherwise it goes as
    far as if one of each side's samples were.
    """
    n, m = len(one), len(other)
    together, _ = _ranks(np.concatenate([one, other]))
    above = (together[:n] - _ranks(one)[0]) / m  # the share of others below each of one
    below = 1 - (together[n:] - _ranks(other)[0]) / n
    value = float(above.mean())
    error = sqrt(_mean_variance(above) + _mean_variance(below))
    inside = min(max(value, 0.5 / n / m), 1 - 0.5 / n / m)
    least = 0.5 / min(n, m)  # of one sample that is otherwise
    if not error:
        return Interval(value, max(0.0, value - least), min(1.0, value + least))
    place, half = special.logit(inside), -normal_quantile(ALPHA / 2) * error / inside / (1 - inside)
    low, high = float(special.expit(place - half)), float(special.expit(place + half))
    return Interval(value, min(value, low), max(value, high))


def _mean_variance(values: NDArray[np.float64]) -> float:
    """The variance of a mean; of a single number nothing is known."""
    return float(values.var(ddof=1)) / len(values) if len(values) > 1 else 0.25


def _ranks(values: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The rank of each, from 1, equal ones their mean; and how many are equal in each group."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts, dtype=np.float64)
    return (last - (counts - 1) / 2)[place], counts.astype(np.float64)


def median(values: NDArray[Any]) -> Interval:
    """The middle of numbers, with its interval of 95 % or more, whatever their distribution is.

    Its ends are two of them: how many lie below the true median is a binomial number (W. R.
    Thompson, Annals of Mathematical Statistics 7, 1936). Of fewer than six it is less sure.
    """
    ordered = np.sort(np.asarray(values, np.float64))
    place = max(1, ceil(float(special.bdtrik(ALPHA / 2, len(ordered), 0.5))))
    low, high = float(ordered[place - 1]), float(ordered[-place])
    return Interval(float(np.median(ordered)), low, high)


def smallest_share(known: Sequence[Counts], samples: int, alpha: float) -> float | None:
    """From which share on Fisher's test finds, in `FOUND` of all cases, that more are counted.

    More than in each of the samples that are `known`, with so many new ones. None where not even
    all of them would be enough.
    """
    enough = max(_enough(one, samples, alpha) for one in known)  # for one it is for all
    if enough > samples:
        return None

    def found(share: float) -> float:
        """How likely `enough` or more of the samples are counted, less what is asked."""
        return float(special.betainc(enough, samples - enough + 1, share)) - FOUND

    return root(found, 0.0, 1.0, within=_SURE)


def _enough(known: Counts, samples: int, alpha: float) -> int:
    """The smallest count that is significantly more frequent than the known one; beyond all: none.

    The p-value falls as the count grows beyond the same share.
    """
    hits, total = known
    low, high = (
        int(samples * hits / total),
        samples + 1,
    )  # at the first it is not, at the last it is
    while high - low > 1:
        middle = (low + high) // 2
        if fisher_p((middle, samples), known) <= alpha:
            high = middle
        else:
            low = middle
    return high


def smallest_superiority(known: Sequence[int], samples: int, alpha: float) -> float:
    """From which superiority on the rank test finds, in `FOUND` of all cases, larger numbers.

    Larger than in each of the samples of so many that are known: G. E. Noether, Journal of the
    American Statistical Association 82, 1987; of numbers without ties. At most 1.
    """
    missed = (1 - FOUND) / len(known)
    errors = -normal_quantile(alpha / 2) - normal_quantile(missed)
    return min(1.0, 0.5 + errors * sqrt((1 / samples + 1 / min(known)) / 12))
