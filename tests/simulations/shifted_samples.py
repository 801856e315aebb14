"""Students that lose as much as their teacher on shifted samples, or more: what is said of them?

Each sample has a hardness that all feel, each severity makes it harder, and what one net alone gets
wrong is its own, half of it in all conditions. Students are behind from the beginning, which is no
loss by shifts. Two shifts of five severities and three students: Holm has nine comparisons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from compbench.results.row import Row
from compbench.results.row_index import Rows
from compbench.statistics.degradation import METRIC, Degradation, degradations
from compbench.statistics.distributions import root
from tests.factory import TARGET, lineage, make_run
from tests.simulations.rate import Rate

SEVERITIES = np.arange(1, 6)
SHIFTS = {name: {"shift": name, "severities": SEVERITIES.tolist()} for name in ("noise", "blur")}
STUDENTS = ("one", "two", "three")
VARIANTS = {"teacher": lineage()} | dict.fromkeys(STUDENTS, lineage())
SHARED = 0.7  # of an answer's variance, what the sample decides
TEACHER, STUDENT = (float(ndtri(accuracy)) for accuracy in (0.98, 0.96))
STEP = 0.15  # by which a severity moves the teacher, in standard deviations
SD = 0.002  # of accuracy, between trainings; a single one is as good as is said


def lost(place: float, step: float) -> float:
    """Accuracy that shifts take in truth: the mean over severities."""
    return float(np.mean(ndtr(place) - ndtr(place - SEVERITIES * step)))


@cache
def step(more: float) -> float:
    """By which a severity moves a student that loses so much more than its teacher, in truth."""
    wanted = lost(TEACHER, STEP) + more
    return root(lambda step: lost(STUDENT, step) - wanted, 0.0, 10 * STEP, within=1e-9)


def answers(
    random: np.random.Generator, hard: NDArray[np.float32], place: float, step: float, sd: float
) -> Mapping[tuple[str, int], NDArray[np.uint8]]:
    """Of one training, right or wrong by condition."""
    slope = float(np.exp(-(place**2) / 2) / np.sqrt(2 * np.pi))
    place += random.normal(0, sd) / slope
    own = random.standard_normal(len(hard), np.float32)
    found = {}
    for shift, severity in [("", 0), *((s, int(n)) for s in SHIFTS for n in SEVERITIES)]:
        chance = np.sqrt(0.5) * (own + random.standard_normal(len(hard), np.float32))
        felt = np.sqrt(SHARED) * hard + np.sqrt(1 - SHARED) * chance
        found[shift, severity] = (felt < place - severity * step).astype(np.uint8)
    return found


def told(random: np.random.Generator, samples: int, seeds: int, more: float) -> list[Degradation]:
    """What is said of three students, of which only the first loses `more`."""
    run = make_run(VARIANTS, seeds=tuple(range(seeds)), shifts=SHIFTS)
    hard = random.standard_normal(samples, np.float32)
    nets = {"teacher": (TEACHER, STEP), "one": (STUDENT, step(more))}
    rows = []
    for seed in run.seeds:
        for variant in run.variants:
            net = nets.get(variant, (STUDENT, step(0)))
            for (shift, severity), right in answers(
                random, hard, *net, sd=SD * (seeds > 1)
            ).items():
                where = {"target": TARGET, "shift": shift, "severity": severity}
                rows.append(Row(variant, seed, "", METRIC, samples={"score": right}, **where))
    found = degradations(run, Rows(rows), TARGET)
    return [found[student] for student in STUDENTS]


def sides(one: Degradation) -> list[int]:
    """All that is said of a variant: under all shifts, and under each."""
    return [change.side for change in (one.change, *one.changes.values()) if change]


def rates(trials: int) -> Sequence[Rate]:
    """False words of any student under any shift, and true ones of the first under all."""
    found = []
    for samples, seeds in ((360, 1), (2_000, 1), (360, 3)):
        where = f"{samples:,} images, {seeds} seed{'s' * (seeds > 1)}"
        for more in (0.0, 0.02):
            random = np.random.default_rng([samples, seeds, round(1e3 * more)])
            false = true = 0
            for _ in range(trials):
                first, *others = told(random, samples, seeds, more)
                equal = others if more else [first, *others]
                false += any(side for one in equal for side in sides(one))
                true += first.change is not None and first.change.side == -1
            if more:
                said = f"a student that loses {100 * more:g} pp more by shifts is said to"
                found.append(Rate(said, where, true, trials))
            else:
                said = "of students that lose as much as their teacher one is said not to"
                found.append(Rate(said, where, false, trials, 0.05))
    return found
