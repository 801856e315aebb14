"""Quantiles and tails of the common distributions, and roots, without scipy.stats and its imports.

Importing scipy.stats or scipy.optimize takes a second, which every command would pay; scipy.special
has the same functions.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, inf

from scipy import special


def normal_quantile(share: float) -> float:
    """Below which a standard normal number lies with this probability."""
    return float(special.ndtri(share))


def normal_tail(z: float) -> float:
    """How likely a standard normal number is above `z`."""
    return float(special.ndtr(-z))


def t_quantile(share: float, freedom: float) -> float:
    """Below which Student's t with so many degrees of freedom lies with this probability."""
    return float(special.stdtrit(freedom, share))


def t_tail(t: float, freedom: float) -> float:
    """How likely Student's t is above `t`."""
    return float(special.stdtr(freedom, -t))


_MOST_SAMPLES = 1e12  # more are as good as never


def samples_needed(samples: int, errors: float, alpha: float) -> int | None:
    """How many samples put a figure that is so many standard errors from a value at the end of its
    interval with `alpha` outside, half on either side, were their spread that of these `samples`.

    By the normal distribution. None where no number would, or none that anybody has.
    """
    times = abs(normal_quantile(alpha / 2) / errors) if errors else inf
    needed = samples * min(times, _MOST_SAMPLES) ** 2
    return max(1, ceil(needed)) if needed < _MOST_SAMPLES else None


def root(function: Callable[[float], float], low: float, high: float, within: float) -> float:
    """Where a function with other signs at `low` and `high` is zero, give or take `within`.

    By halving: some thirty calls. Raises ValueError where the signs are equal.
    """
    below, above = function(low), function(high)
    if not below or not above:
        return high if below else low
    if (below > 0) == (above > 0):
        raise ValueError(f"no change of sign between {low} and {high}")
    while high - low > 2 * within:
        middle = (low + high) / 2
        if (function(middle) > 0) == (above > 0):
            high = middle
        else:
            low = middle
    return (low + high) / 2
