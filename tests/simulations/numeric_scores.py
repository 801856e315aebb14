"""Every verdict on scores that are numbers: squared errors, with a known root of their mean.

A variant's errors go with its parent's, as those of compressed models do. Errors are normal, have
long tails (Student's t with 5 degrees) or lean to one side (lognormal).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from compbench.statistics.changes import unpaired
from compbench.statistics.intervals import Interval
from compbench.statistics.noninferiority import Standing, judge
from compbench.statistics.pareto_front import Contender, front
from compbench.statistics.pick import pick
from compbench.statistics.quality_change import between
from compbench.statistics.scores import metric_interval, paired, paired_interval
from compbench.statistics.summary import Summary
from tests.factory import RMSE, TARGET, make_run, make_summaries, task_of
from tests.simulations.rate import Rate

KINDS = ("normal errors", "errors with long tails", "errors to one side")
SAMPLES = (288, 2_000)
SHARED = 0.9  # correlation of a variant's errors with the baseline's
LIMIT = 0.02  # of the baseline's RMSE
MARGIN = LIMIT / 2
CANDIDATES, VARIANTS = 30, 9
SEEDS, SPREAD = 3, 0.005  # of a technique's trainings: how much RMSE differs between them
RUN = make_run(task=task_of(RMSE), pick={"max_drop": f"{100 * LIMIT:g}%"})


def errors(random: np.random.Generator, kind: str, *shape: int) -> NDArray[np.float64]:
    """Of mean 0 and variance 1, so that their RMSE is 1 in truth."""
    if kind == KINDS[0]:
        return random.normal(size=shape)
    if kind == KINDS[1]:
        return random.standard_t(5, shape) / np.sqrt(5 / 3)
    sigma = 0.5
    spread = np.sqrt(np.expm1(sigma**2) * np.exp(sigma**2))
    return (random.lognormal(0, sigma, shape) - np.exp(sigma**2 / 2)) / spread


def scores(
    random: np.random.Generator, kind: str, samples: int, rmse: Sequence[float]
) -> list[NDArray[np.float64]]:
    """Squared errors of a baseline of RMSE 1, then of variants of these true ones."""
    base = errors(random, kind, samples)
    own = errors(random, kind, len(rmse), samples)
    variants = SHARED * base + np.sqrt(1 - SHARED**2) * own
    return [base**2, *(np.array(rmse)[:, None] * variants) ** 2]


def rates(trials: int) -> list[Rate]:
    """A/A, intervals, limits, recommendations, fronts, trainings."""
    random = np.random.default_rng(12)
    found = []
    for kind in KINDS:
        for samples in SAMPLES:
            seen = Counter[str]()
            for _ in range(trials):
                seen.update(_of_two(random, kind, samples))
            where = f"{samples:,} samples, {kind}"
            found += [
                Rate(what, where, seen[what], trials, limit, at_least)
                for what, (limit, at_least) in _OF_TWO.items()
            ]
            few = max(1, trials // 10)
            gone = sum(_is_lost(random, kind, samples) for _ in range(few))
            found.append(Rate(_LOST, f"{where}, {VARIANTS} variants", gone, few, 0.02))
            wrong = sum(_is_wrongly_picked(random, kind, samples) for _ in range(few))
            found.append(Rate(_PICKED, f"{where}, {CANDIDATES} candidates", wrong, few, 0.05))
    return found


_COVERS, _COVERS_CHANGE = "the interval of an RMSE has the true one", "the same of a difference"
_CALLED, _CALLED_APART = "equally good files called different", "the same on other samples each"
_CALLED_TECHNIQUE = f"equally good techniques called different ({SEEDS} seeds)"
_PASSES = "a true loss at the limit is called within it"
_FOUND = "a true loss of twice the limit is called beyond it"
_KEPT = "no loss in truth is called within the limit"
_LOST = "a variant truly better by the margin in RMSE off the front"
_PICKED = "recommended, and truly beyond the limit in RMSE"
_OF_TWO: dict[str, tuple[float | None, bool]] = {
    _COVERS: (0.93, True),
    _COVERS_CHANGE: (0.93, True),
    _CALLED: (0.05, False),
    _CALLED_APART: (0.05, False),
    _CALLED_TECHNIQUE: (0.05, False),
    _PASSES: (0.05, False),
    _FOUND: (None, False),
    _KEPT: (None, False),
}


def _of_two(random: np.random.Generator, kind: str, samples: int) -> Iterator[str]:
    """What is said in one trial."""
    base, same, at, twice = scores(random, kind, samples, (1, 1 + LIMIT, 1 + 2 * LIMIT))
    low, high = metric_interval([base], RMSE)[1:]
    if low <= 1 <= high:
        yield _COVERS
    low, high = paired_interval([at], [base], RMSE)[1:]
    if low <= LIMIT <= high:
        yield _COVERS_CHANGE
    change = between({0: same}, {0: base}, headline=RMSE)
    if change and change.side:
        yield _CALLED
    apart = unpaired([same], scores(random, kind, samples, (1,))[1:], RMSE)
    if apart.p_value < 0.05:
        yield _CALLED_APART
    if _is_technique_called(random, kind, samples):
        yield _CALLED_TECHNIQUE
    standings = [
        judge(paired([each], [base], RMSE), LIMIT, headline=RMSE).standing
        for each in (at, twice, same)
    ]
    if standings[0] is Standing.WITHIN:
        yield _PASSES
    if standings[1] is Standing.BEYOND:
        yield _FOUND
    if standings[2] is Standing.WITHIN:
        yield _KEPT


def _is_technique_called(random: np.random.Generator, kind: str, samples: int) -> bool:
    """Whether two whose trainings spread alike are called different."""
    true = 1 + random.normal(0, SPREAD, 2 * SEEDS)
    found = scores(random, kind, samples, tuple(true))[1:]
    ours, theirs = dict(enumerate(found[:SEEDS])), dict(enumerate(found[SEEDS:]))
    change = between(ours, theirs, headline=RMSE)
    return change is not None and change.side != 0


def _is_lost(random: np.random.Generator, kind: str, samples: int) -> bool:
    """Whether the first is off the front: the best by the margin, and a bit larger."""
    arms = scores(random, kind, samples, (1, *[1 + MARGIN] * (VARIANTS - 1)))[1:]
    contenders = [
        Contender(str(i), {0: arm}, dict(enumerate(random.normal(0, 0.003, 5))), 1.0 if i else 1.02)
        for i, arm in enumerate(arms)
    ]
    return "0" in front(contenders, MARGIN, headline=RMSE).beaten_by


def _is_wrongly_picked(random: np.random.Generator, kind: str, samples: int) -> bool:
    """Of candidates all of which lose a bit more than is allowed; the last is the fastest."""
    base, *arms = scores(random, kind, samples, [1 + 1.02 * LIMIT] * CANDIDATES)
    summaries = [_summary("teacher", base, base, 1)]
    summaries += [_summary(str(i), arm, base, 2 + i) for i, arm in enumerate(arms)]
    choice = pick(RUN, make_summaries(*summaries), TARGET)
    assert choice is not None
    return choice.is_sure


def _summary(
    name: str, ours: NDArray[np.float64], base: NDArray[np.float64], speedup: float
) -> Summary:
    return Summary(
        name,
        TARGET,
        validation_quality=RMSE.value(ours),
        validation=paired([ours], [base], RMSE),
        speedup=Interval(speedup, speedup * 0.99, speedup * 1.01),
        faster=int(speedup > 1),
        size_bytes=1000 / speedup,
    )
