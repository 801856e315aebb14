"""How often a truly better variant leaves the front, and a worse one stays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compbench.statistics.pareto_front import Contender, front
from tests.simulations.rate import Rate

VARIANTS = 9
MARGIN = 0.005  # half of [pick]'s default
SPREAD = 0.003  # of a launch's log-ratio


def _contenders(
    random: np.random.Generator, samples: int, losses: Sequence[float], sizes: Sequence[float]
) -> list[Contender]:
    """Variants of one accuracy less `losses`; of the rest, each is wrong on 2 % of its own."""
    hard = random.random(samples) < 0.02
    found = []
    for i, (loss, size) in enumerate(zip(losses, sizes, strict=True)):
        right = ~hard & (random.random(samples) >= 0.01 + loss)
        launches = {n: random.normal(0, SPREAD) for n in range(5)}
        found.append(Contender(str(i), {0: right.astype(np.uint8)}, launches, size))
    return found


def rates(trials: int) -> list[Rate]:
    """The first is truly better than all others, and larger."""
    random = np.random.default_rng(1)
    found = []
    for samples in (360, 10_000):
        for better, size in ((0.005, 1.02), (0.01, 1.5)):
            gone = sum(
                "0" in front(_better(random, samples, better, size), MARGIN).beaten_by
                for _ in range(trials)
            )
            where = f"{samples:,} images, {100 * better:g} pp better, {size:g}× the bytes"
            found.append(Rate("a truly better variant off the front", where, gone, trials, 0.02))
    for samples in (360, 10_000):
        stays = sum(
            "0" not in front(_better(random, samples, -0.01, 1.5), MARGIN).beaten_by
            for _ in range(trials)
        )
        where = f"{samples:,} images, 1 pp worse, 1.5× the bytes"
        found.append(Rate("a beaten variant still on the front, or perhaps", where, stays, trials))
    return found


def _better(random: np.random.Generator, samples: int, by: float, size: float) -> list[Contender]:
    losses = [max(0.0, -by), *[max(0.0, by)] * (VARIANTS - 1)]
    return _contenders(random, samples, losses, [size, *[1.0] * (VARIANTS - 1)])
