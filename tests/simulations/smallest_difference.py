"""A model that is slower by just the smallest difference that a run says it could have seen."""

from __future__ import annotations

from collections.abc import Sequence
from math import log, log1p, sqrt

import numpy as np
from numpy.typing import NDArray

from compbench.statistics.intervals import distinguishable, log_ratio_interval
from compbench.statistics.significance import holm, log_ratio_p
from compbench.statistics.smallest_difference import FOUND, smallest_difference
from tests.simulations.rate import Rate

SPREAD = 0.013  # of a log-ratio over launches
CASES = ((5, 1), (3, 1), (5, 8), (3, 8))  # launches, variants


def rates(trials: int) -> Sequence[Rate]:
    """How often it is found; and the chance of finding 4.6 %."""
    random = np.random.default_rng(0)
    found = []
    for launches, variants in CASES:
        said = [differing(0, launches, variants, random) for _ in range(trials)]
        smallest = [smallest_difference(logs.tolist(), variants) for logs in said]
        shares = [log1p(each.share) for each in smallest if each]
        hits = sum(is_found(log_ratio, launches, variants, random) for log_ratio in shares)
        where = f"{launches} launches, {variants} compared, spread {100 * SPREAD:g} %"
        what = "a model slower by the smallest difference that is said is found"
        found.append(Rate(what, where, hits, trials, FOUND, at_least=True))
        hits = sum(is_found(log(1.046), launches, variants, random) for _ in range(trials))
        found.append(Rate("a model slower by 4.6 % is found", where, hits, trials))
    return found


def is_found(log_ratio: float, launches: int, variants: int, random: np.random.Generator) -> bool:
    """Whether a report calls the first variant slower; the others are as fast as the baseline."""
    *arms, twin = differing(log_ratio, launches, variants, random)
    p = holm([log_ratio_p(logs) for logs in arms])[0]
    return distinguishable(log_ratio_interval(-arms[0]), log_ratio_interval(twin), p) < 0


def differing(
    log_ratio: float, launches: int, variants: int, random: np.random.Generator
) -> NDArray[np.float64]:
    """Log-ratios of the variants and of the control, (arms, launches): each process has a bias."""
    noise = random.normal(0, SPREAD / sqrt(2), (variants + 2, launches))
    logs = noise[1:] - noise[0]
    logs[0] += log_ratio
    return logs
