"""Words on variants that are truly alike: slower than a parent, or the best for batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from compbench.report.best_use import best_uses
from compbench.statistics.intervals import Interval, log_ratio_interval
from compbench.statistics.paired_proportions import Disagreement
from compbench.statistics.parents import beside_parents
from compbench.statistics.pick import pick
from compbench.statistics.speed import judge
from compbench.statistics.summary import Summaries, Summary
from tests.factory import TARGET, lineage, make_run
from tests.simulations.rate import Rate

VARIANTS = 8
LAUNCHES = 5
CONTROL = Interval(1.0, 0.999, 1.001)
OF_LATENCY, OF_BATCHES = 0.01, 0.07  # standard deviations of a launch's log-ratio


def rates(trials: int) -> Sequence[Rate]:
    """Half of the variants were made from the other half."""
    names = [f"v{i}" for i in range(VARIANTS)]
    variants = {"teacher": lineage()}
    for i, name in enumerate(names):
        variants[name] = lineage("prune_channels", f"v{i - 4}" if i >= 4 else "teacher")
    run = make_run(variants)
    random = np.random.default_rng(11)
    slower = best = 0
    for _ in range(trials):
        here = [_summary("teacher", np.zeros(LAUNCHES)), *_alike(random, names, OF_LATENCY)]
        found = beside_parents(run, here, CONTROL)
        slower += any(s.faster_than_parent for s in found)
        best += _best_for_batches(random, names)
    said = f"{VARIANTS} variants truly alike, {LAUNCHES} launches"
    return [
        Rate("any called faster or slower than its parent", said, slower, trials, 0.05),
        Rate("any called best for batches", f"{said}, throughput ±7 %", best, trials, 0.05),
    ]


def _alike(random: np.random.Generator, names: Sequence[str], spread: float) -> list[Summary]:
    return [_summary(name, random.normal(0, spread, LAUNCHES)) for name in names]


def _summary(name: str, logs: np.ndarray) -> Summary:
    speedup = log_ratio_interval([-x for x in logs])
    return Summary(name, TARGET, speedup=speedup, log_ratios=dict(enumerate(map(float, logs))))


def _best_for_batches(random: np.random.Generator, names: Sequence[str]) -> bool:
    run = make_run({name: lineage() for name in ("teacher", *names)})
    base = random.normal(0, OF_BATCHES, LAUNCHES)
    logs = {n: (random.normal(0, OF_BATCHES, LAUNCHES) - base).tolist() for n in names}
    judged = judge(logs, CONTROL)
    usual: dict[str, Any] = {"validation_quality": 0.9, "validation": Disagreement(0, 0, 100_000)}
    usual |= {"size_bytes": 1000.0, "speedup": Interval(1, 0.9, 1.1)}
    here = [
        Summary("teacher", TARGET, **usual),
        *(
            Summary(
                n,
                TARGET,
                throughput_per_s={32: 1.0},
                throughput_ratio={32: found.ratio} if found.ratio else {},
                more_throughput={32: found.side},
                **usual,
            )
            for n, found in judged.items()
        ),
    ]
    summaries = Summaries(tuple(here), {TARGET: CONTROL}, frozenset())
    choice = pick(run, summaries, TARGET)
    assert choice is not None
    uses = [use for found in best_uses(run, summaries, TARGET, choice).values() for use in found]
    return any(use.startswith("batches") for use in uses)
