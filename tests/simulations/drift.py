"""Two models on new samples, in truth as far apart as on held-out ones, or farther: the alarms.

Samples differ in how hard they are, by which their answers, distance, gap in sureness and
confidence go together; drift makes them harder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.random import Generator

from compbench.statistics.drift import (
    ANSWERS,
    CONFIDENCE,
    DISTANCE,
    GAP,
    Apart,
    Case,
    Verdict,
    judged,
)
from compbench.statistics.two_samples import FOUND
from tests.simulations.rate import Rate

ALPHA = 0.01
HELD_OUT = 300, 400  # validation and test samples
EASIER = 0.4  # standard deviations of hardness, by which a validation split differs


def drawn(random: Generator, samples: int, harder: float = 0.0) -> Apart:
    """So many samples; some distances and confidences are equal, as of answers that are sure."""
    hard = random.normal(harder, 1, samples)
    noise = random.normal(0, 1, (4, samples))
    return Apart(
        {
            ANSWERS: (hard + noise[0] / 2 > 2.2).astype(float),
            DISTANCE: np.exp(hard + noise[1]).clip(0.2, 20),
            GAP: noise[2] - hard / 4,
            CONFIDENCE: 1 - np.exp(hard - 3 + noise[3]).clip(0.01, 0.9),
        }
    )


def mixed(one: Apart, other: Apart) -> Apart:
    """The samples of both."""
    figures = {n: np.concatenate([v, other.figures[n]]) for n, v in one.figures.items()}
    return Apart(figures)


def verdict(now: Apart, *then: Apart, alpha: float = ALPHA) -> Verdict:
    """Beside a validation split, and a test split where there is a second one."""
    names: list[str] = ["validation", "test"]
    splits = dict(zip(names, then, strict=False))
    return judged({"student": Case("teacher", splits, now)}, alpha)[0]


def rates(trials: int) -> Sequence[Rate]:
    """False alarms, beside what validation alone would give; then real drift."""
    return [*_unchanged(trials), *_unequal(trials), *_drifted(trials), *_smallest(trials)]


def _unchanged(trials: int) -> Iterator[Rate]:
    for samples in (20, 100, 1000):
        random = np.random.default_rng(samples)
        both = alone = 0
        for _ in range(trials):
            now, *then = (drawn(random, n) for n in (samples, *HELD_OUT))
            both += verdict(now, *then).is_alarm
            alone += verdict(now, then[0]).is_alarm
        where = f"{samples:,} samples, {HELD_OUT[0]} and {HELD_OUT[1]} held out"
        yield Rate("new samples like the held-out ones raise an alarm", where, both, trials, ALPHA)
        yield Rate("the same beside validation alone", where, alone, trials, ALPHA)


def _unequal(trials: int) -> Iterator[Rate]:
    """The validation split is easier than the test split."""
    random = np.random.default_rng(7)
    both = mixture = alone = 0
    for _ in range(trials):
        then = drawn(random, HELD_OUT[0], -EASIER), drawn(random, HELD_OUT[1])
        now = drawn(random, 500)
        both += verdict(now, *then).is_alarm
        alone += verdict(now, then[0]).is_alarm
        mixture += verdict(mixed(drawn(random, 250), drawn(random, 250, -EASIER)), *then).is_alarm
    where = f"500 samples, validation easier by {EASIER:g} sd"
    yield Rate("new samples like the test split raise an alarm", where, both, trials, ALPHA)
    yield Rate("a mixture of both splits raises an alarm", where, mixture, trials, ALPHA)
    yield Rate("like the test split, beside validation alone", where, alone, trials)


def _drifted(trials: int) -> Iterator[Rate]:
    for samples, harder in ((20, 1.0), (100, 0.7), (1000, 0.4)):
        random = np.random.default_rng([samples, 1])
        found = 0
        for _ in range(trials):
            then = [drawn(random, n) for n in HELD_OUT]
            found += verdict(drawn(random, samples, harder), *then).is_alarm
        where = f"{samples:,} samples, harder by {harder:g} sd"
        yield Rate("drift raises an alarm", where, found, trials)


def _smallest(trials: int) -> Iterator[Rate]:
    """Answers that differ as often as the smallest share that is told, and all else as it was."""
    for samples in (100, 1000):
        random = np.random.default_rng([samples, 2])
        found = 0
        for _ in range(trials):
            then = [_answers(drawn(random, n)) for n in HELD_OUT]
            now = _answers(drawn(random, samples))
            least = verdict(now, *then).evidence[0].smallest
            assert least is not None
            changed = (random.random(samples) < least).astype(float)
            found += verdict(Apart({**now.figures, ANSWERS: changed}), *then).is_alarm
        where = f"{samples:,} samples"
        told = "as many differing answers as are told to be found raise an alarm"
        yield Rate(told, where, found, trials, FOUND, at_least=True)


def _answers(one: Apart) -> Apart:
    """Of which nothing is known but the answers; distances are all the same."""
    return Apart({ANSWERS: one.figures[ANSWERS], DISTANCE: np.ones(len(one))})
