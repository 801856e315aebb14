"""The gate's verdict on accuracy: two files' answers to the same images, with known shares."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from compbench.gate import answers
from compbench.gate.check import Verdict
from compbench.gate.checks.accuracy import resolved
from compbench.statistics.paired_proportions import Disagreement
from tests.simulations.rate import Rate

IMAGES = (288, 360, 1_000, 10_000)
DIFFERING = (0.01, 0.02, 0.05)  # share of images that the two files answer otherwise
PAIRS = 12  # of a whole gate
SEED = 411


@lru_cache(None)
def verdict(ours: int, theirs: int, images: int, pairs: int) -> Verdict:
    """By the default limit."""
    found = Disagreement(ours, theirs, images)
    return answers.judge_drop(found, resolved(images), pairs)[0]


def verdicts(
    random: np.random.Generator, images: int, differing: float, drop: float, trials: int
) -> list[Verdict]:
    """Of so many files that truly lose `drop`, each one of `PAIRS`."""
    shares = ((differing - drop) / 2, (differing + drop) / 2, 1 - differing)
    counts = random.multinomial(images, shares, trials)
    return [verdict(int(ours), int(theirs), images, PAIRS) for ours, theirs, _ in counts]


def rates(trials: int) -> Sequence[Rate]:
    """Whole gates of unchanged files that fail, true drops that pass, equal files that pass."""
    random = np.random.default_rng(SEED)
    found = []
    for images in IMAGES:
        for differing in DIFFERING:
            where = f"{images:,} images, {100 * differing:g} % answered otherwise"
            lost = verdicts(random, images, differing, 0.01, trials)
            passed = lost.count(Verdict.PASS)
            found.append(Rate("a true drop of 1 pp passes the gate", where, passed, trials, 0.05))
            failed = lost.count(Verdict.FAIL)
            found.append(Rate("a true drop of 1 pp fails the gate", where, failed, trials))
        where = f"{images:,} images, {100 * DIFFERING[0]:g} % answered otherwise"
        same = verdicts(random, images, DIFFERING[0], 0.0, PAIRS * trials)
        gates = np.array([one is Verdict.FAIL for one in same]).reshape(trials, PAIRS).any(axis=1)
        what = f"a gate of {PAIRS} equally accurate files fails by accuracy"
        found.append(Rate(what, where, int(gates.sum()), trials, 0.01))
        passed = same[:trials].count(Verdict.PASS)
        found.append(Rate("an equally accurate file passes the gate", where, passed, trials))
    return found
