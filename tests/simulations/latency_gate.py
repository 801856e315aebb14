"""The gate's verdict on latency: launches whose log-ratios are spread about a known slowdown."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import numpy as np

from compbench.gate.check import Verdict
from compbench.gate.paired_timing import Limits, LogRatios, judged
from tests.simulations.rate import Rate

SPREADS = (0.004, 0.013)  # of launches: a quiet machine's, and that of the one in measurement.md
PAIRS = 12  # of a whole gate
SEED = 412


def verdict(random: np.random.Generator, slower: float, spread: float) -> Verdict:
    """Of one pair of files, extended and measured again where the gate would."""

    def more(count: int) -> list[LogRatios]:
        noise = spread * random.standard_normal((count, 2))
        return [LogRatios(log(slower) + one, control) for one, control in noise]

    return judged(more, Limits()).verdict


def rates(trials: int) -> Sequence[Rate]:
    """Whole gates of unchanged files that fail, and how often each verdict is right."""
    random = np.random.default_rng(SEED)
    found = []
    for spread in SPREADS:
        where = f"launches spread by {100 * spread:g} %"
        same = [[verdict(random, 1.0, spread) for _ in range(PAIRS)] for _ in range(trials)]
        failed = sum(Verdict.FAIL in gate for gate in same)
        found.append(
            Rate(f"a gate of {PAIRS} unchanged files fails by latency", where, failed, trials, 0.01)
        )
        passed = sum(gate[0] is Verdict.PASS for gate in same)
        found.append(Rate("an unchanged file passes by latency", where, passed, trials))
        slow = [verdict(random, 1.05, spread) for _ in range(trials)]
        failed = slow.count(Verdict.FAIL)
        found.append(Rate("a file 5 % slower fails", where, failed, trials, 0.95, at_least=True))
        passed = slow.count(Verdict.PASS)
        found.append(Rate("a file 5 % slower passes", where, passed, trials, 0.01))
    return found
