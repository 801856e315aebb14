"""The gate's verdict on memory: processes whose added memory is spread about a known amount."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compbench.gate.added_memory import Added, judged
from compbench.gate.check import Verdict
from compbench.gate.checks.memory import Check
from tests.simulations.rate import Rate

STUDENT, TEACHER = 10_500_000, 13_600_000  # bytes that nets of 408 KB and 1.7 MB add
SPREADS = (50_000, 300_000)  # bytes, of processes
PAIRS = 12  # of a whole gate
SEED = 413


def verdict(random: np.random.Generator, candidate: int, spread: int) -> Verdict:
    """Of a candidate that adds so much, against the student; extended and measured again."""
    check = Check()

    def more(count: int) -> list[Added]:
        noise = spread * random.standard_normal((count, 2))
        return [Added(int(candidate + a), int(STUDENT + b)) for a, b in noise]

    return judged(more, check.memory_ratio, check.memory_processes).verdict


def rates(trials: int) -> Sequence[Rate]:
    """Whole gates of unchanged files that fail, and how often each verdict is right."""
    random = np.random.default_rng(SEED)
    found = []
    for spread in SPREADS:
        where = f"processes spread by {spread / 1e6:g} MB"
        same = [[verdict(random, STUDENT, spread) for _ in range(PAIRS)] for _ in range(trials)]
        failed = sum(Verdict.FAIL in gate for gate in same)
        found.append(
            Rate(f"a gate of {PAIRS} unchanged files fails by memory", where, failed, trials, 0.01)
        )
        passed = sum(gate[0] is Verdict.PASS for gate in same)
        found.append(Rate("an unchanged file passes by memory", where, passed, trials))
        grown = [verdict(random, TEACHER, spread) for _ in range(trials)]
        failed = grown.count(Verdict.FAIL)
        what = "a file that adds 13.6 instead of 10.5 MB fails"
        found.append(Rate(what, where, failed, trials, 0.95, at_least=True))
    return found
