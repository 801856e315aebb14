"""How often the variant that is recommended truly loses more than the limit."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from compbench.statistics.intervals import Interval
from compbench.statistics.paired_proportions import Disagreement
from compbench.statistics.pick import pick
from compbench.statistics.summary import Summary
from tests.factory import TARGET, make_run, make_summaries
from tests.simulations.rate import Rate

LIMIT = 0.01
DROPS = {  # true ones lie between; which variant is fast has nothing to do with it
    "drops of 0.2 to 2 pp": (0.002, 0.02),
    "every drop 1.05 pp": (0.0105, 0.0105),
}
REGAINED = 0.01  # share of images on which a variant alone is right
RUN = make_run(pick={"max_drop": LIMIT})


def rates(trials: int) -> list[Rate]:
    """Of many candidates on one split."""
    random = np.random.default_rng(2)
    found = []
    for samples in (288, 6_000):
        for candidates in (8, 30, 300):
            for name, drops in DROPS.items():
                few = max(1, trials // (1 + candidates // 50))
                seen = Counter[str]()
                for _ in range(few):
                    seen.update(_outcomes(random, samples, random.uniform(*drops, candidates)))
                where = f"{samples:,} images, {candidates} candidates, {name}"
                found += [Rate(what, where, seen[what], few, p) for what, p in _PROMISED.items()]
    return found


_BEYOND = "recommended, and truly beyond the limit"
_NOTHING = "nothing but the baseline shown to be within the limit"
_WRONG_GUESS = "named as a best guess, and truly beyond the limit"
_PROMISED = {_BEYOND: 0.05, _NOTHING: None, _WRONG_GUESS: None}


def _outcomes(random: np.random.Generator, samples: int, drops: NDArray[np.float64]) -> list[str]:
    summaries = [_summary("teacher", 1.0, Disagreement(0, 0, samples), 0)]
    for i, drop in enumerate(drops):
        shares = [REGAINED, REGAINED + drop, 1 - 2 * REGAINED - drop]
        won, lost, _ = (int(n) for n in random.multinomial(samples, shares))
        summaries.append(_summary(str(i), 2.0 + i, Disagreement(won, lost, samples), 1))
    choice = pick(RUN, make_summaries(*summaries), TARGET)
    assert choice is not None
    found = []
    if choice.is_sure and choice.taken:
        found += [_BEYOND] * int(drops[int(choice.taken.variant)] > LIMIT)
    else:
        found.append(_NOTHING)
    if choice.guess:
        found += [_WRONG_GUESS] * int(drops[int(choice.guess.variant)] > LIMIT)
    return found


def _summary(name: str, speedup: float, found: Disagreement, faster: int) -> Summary:
    speed = Interval(speedup, speedup * 0.99, speedup * 1.01)
    return Summary(
        name, TARGET, speedup=speed, faster=faster, size_bytes=1000 / speedup, validation=found
    )
