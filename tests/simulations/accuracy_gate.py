"""The gate's verdict on accuracy: two files' answers to the same images, with known shares."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from compbench.gate import answers
from compbench.gate.check import Verdict
from compbench.gate.checks.quality import resolved
from compbench.statistics.paired_proportions import Disagreement
from tests.simulations.rate import Rate

IMAGES = (288, 360, 1_000, 10_000)
DIFFERING = (0.01, 0.02, 0.05)  # share of images that the two files answer otherwise
PAIRS = 12  # of a whole gate
SEED = 411


@lru_cache(None)
def verdict(ours: int, theirs: int, images: int, most: float) -> Verdict:
    """Of one file of the gate."""
    return answers.judge_drop(Disagreement(ours, theirs, images), most, PAIRS)[0]


def verdicts(
    random: np.random.Generator,
    images: int,
    differing: float,
    drop: float,
    trials: int,
    most: float | None = None,
) -> list[Verdict]:
    """Of so many files that truly lose `drop`; by the default limit, if no other is given."""
    most = resolved(images) if most is None else most
    shares = ((differing - drop) / 2, (differing + drop) / 2, 1 - differing)
    counts = random.multinomial(images, shares, trials)
    return [verdict(int(ours), int(theirs), images, most) for ours, theirs, _ in counts]


def failed_gates(found: Sequence[Verdict]) -> int:
    """How many gates of `PAIRS` files have one that fails."""
    return int(np.reshape([one is Verdict.FAIL for one in found], (-1, PAIRS)).any(axis=1).sum())


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
        what = f"a gate of {PAIRS} equally accurate files fails by accuracy"
        found.append(Rate(what, where, failed_gates(same), trials, 0.01))
        strict = verdicts(random, images, DIFFERING[0], 0.0, PAIRS * trials, 0.0)
        what = f"{what} where nothing may be lost"
        found.append(Rate(what, where, failed_gates(strict), trials, 0.01))
        passed = same[:trials].count(Verdict.PASS)
        found.append(Rate("an equally accurate file passes the gate", where, passed, trials))
    return found
