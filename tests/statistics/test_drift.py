"""An alarm is rare where nothing changed, and raised where something did; the truth is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.random import Generator
from scipy import stats

from compbench.statistics.drift import (
    ANSWERS,
    CONFIDENCE,
    DISTANCE,
    Apart,
    Case,
    Verdict,
    judged,
)
from compbench.statistics.significance import holm

ALPHA = 0.01


def drawn(random: Generator, samples: int, moved: float = 0.0) -> Apart:
    """Samples whose answers, distance and confidence go together; `moved` are farther apart."""
    hard = random.normal(moved, 1, samples)
    return Apart(
        {
            ANSWERS: (hard + random.normal(0, 0.5, samples) > 2.2).astype(float),
            DISTANCE: np.exp(hard + random.normal(0, 1, samples)).clip(0.2, 20),  # ties at the ends
            CONFIDENCE: 1 - np.exp(hard - 3 + random.normal(0, 1, samples)).clip(0, 0.9),
        }
    )


def mixed(one: Apart, other: Apart) -> Apart:
    figures = {n: np.concatenate([v, other.figures[n]]) for n, v in one.figures.items()}
    return Apart(figures)


def verdict(now: Apart, *then: Apart, alpha: float = ALPHA) -> Verdict:
    splits = dict(zip(("validation", "test"), then, strict=False))
    return judged({"student": Case("teacher", splits, now)}, alpha)[0]


def rare(alarms: Sequence[bool], alpha: float = ALPHA) -> bool:
    return stats.binomtest(sum(alarms), len(alarms), alpha, "greater").pvalue > 1e-4


@pytest.mark.parametrize("samples", [20, 100, 300])
def test_where_nothing_changed_there_is_rarely_an_alarm(samples: int) -> None:
    random, alone, both = np.random.default_rng(samples), [], []
    for _ in range(400):
        now, *then = (drawn(random, n) for n in (samples, 300, 400))
        alone.append(verdict(now, then[0]).is_alarm)
        both.append(verdict(now, *then).is_alarm)
    assert rare(alone) and rare(both)
    assert sum(both) <= sum(alone)


def test_new_samples_like_either_split_or_a_mixture_are_no_drift() -> None:
    """Validation is easier than the test split: beside it alone all new samples were alarmed."""
    random = np.random.default_rng(0)
    alone, like_test, mixture = [], [], []
    for _ in range(200):
        then = drawn(random, 1000, -0.4), drawn(random, 1000)
        now = drawn(random, 500)
        alone.append(verdict(now, then[0]).is_alarm)
        like_test.append(verdict(now, *then).is_alarm)
        halves = mixed(drawn(random, 250), drawn(random, 250, -0.4))
        mixture.append(verdict(halves, *then).is_alarm)
    assert np.mean(alone) > 0.95
    assert rare(like_test) and rare(mixture)


@pytest.mark.parametrize(("samples", "moved"), [(100, 0.7), (1000, 0.3)])
def test_where_outputs_are_farther_apart_there_is_an_alarm(samples: int, moved: float) -> None:
    random = np.random.default_rng(samples)
    found = [
        verdict(drawn(random, samples, moved), drawn(random, 1000), drawn(random, 1000))
        for _ in range(200)
    ]
    assert np.mean([one.is_alarm for one in found]) >= 0.95
    sides = {(one.name, one.side) for each in found for one in each.changed}
    assert sides == {(ANSWERS, 1), (DISTANCE, 1), (CONFIDENCE, -1)}


def test_outputs_that_are_nearer_are_an_alarm_too() -> None:
    """As of black pictures, of which both say the same."""
    random = np.random.default_rng(0)
    found = verdict(drawn(random, 500, -0.6), drawn(random, 1000), drawn(random, 1000))
    (distance,) = (one for one in found.changed if one.name == DISTANCE)
    assert distance.side == -1


def test_any_false_alarm_among_several_variants_is_as_rare() -> None:
    random, alarms = np.random.default_rng(1), []
    for _ in range(300):
        cases = {
            f"v{number}": Case("teacher", {"validation": drawn(random, 300)}, drawn(random, 200))
            for number in range(4)
        }
        alarms.append(any(one.is_alarm for one in judged(cases, 0.05)))
    assert rare(alarms, 0.05)


def test_p_values_are_adjusted_over_all_figures_of_all_variants() -> None:
    random = np.random.default_rng(2)
    then = {"validation": drawn(random, 300), "test": drawn(random, 300)}
    cases = {v: Case("teacher", then, drawn(random, 100, m)) for v, m in (("a", 0.3), ("b", 0.0))}
    found = [one for each in judged(cases, ALPHA) for one in each.evidence]
    assert [one.adjusted for one in found] == holm([one.p for one in found])
    assert len(found) == 6


def test_samples_between_the_splits_have_a_p_of_1() -> None:
    random = np.random.default_rng(3)
    then = drawn(random, 2000, -1.0), drawn(random, 2000, 1.0)
    found = verdict(drawn(random, 2000), *then)
    assert not found.is_alarm
    assert {(one.p, one.side) for one in found.evidence} == {(1.0, 0)}


def test_each_figure_is_told_with_its_interval_now_and_then() -> None:
    random = np.random.default_rng(4)
    now, *then = (drawn(random, n, m) for n, m in ((200, 0.5), (300, 0), (400, 0)))
    answers, distance, _ = verdict(now, *then).evidence
    assert answers.now.value == pytest.approx(now.figures[ANSWERS].mean())
    low, high = stats.binomtest(int(now.figures[ANSWERS].sum()), 200).proportion_ci(method="wilson")
    assert (answers.now.low, answers.now.high) == pytest.approx((low, high))
    assert answers.is_counted and not distance.is_counted
    assert distance.then["test"].value == np.median(then[1].figures[DISTANCE])
    assert distance.then["test"].low < distance.then["test"].value < distance.then["test"].high


def test_shares_of_many_answers_are_compared_by_their_ranks() -> None:
    """As of the tokens of a text, of which some differ in every sample."""
    random = np.random.default_rng(5)

    def shares(samples: int, mean: float) -> Apart:
        apart = random.binomial(50, mean, samples) / 50
        return Apart({ANSWERS: apart, DISTANCE: random.normal(0, 1, samples)})

    found = verdict(shares(200, 0.5), shares(300, 0.4), shares(300, 0.4)).evidence[0]
    assert not found.is_counted
    assert found.p < 1e-10
    assert found.now.low < 0.5 < found.now.high


def test_a_change_as_large_as_the_smallest_one_told_is_found_so_often() -> None:
    random, alarms = np.random.default_rng(6), []
    then = [drawn(random, 1000), drawn(random, 1000)]
    nothing = {DISTANCE: np.zeros(300)}
    splits = [Apart({ANSWERS: one.figures[ANSWERS], DISTANCE: np.zeros(1000)}) for one in then]
    least = verdict(Apart({ANSWERS: np.zeros(300), **nothing}), *splits).evidence[0].smallest
    assert least is not None
    assert 0.02 < least < 0.2
    for _ in range(300):
        answers = (random.random(300) < least).astype(float)
        alarms.append(verdict(Apart({ANSWERS: answers, **nothing}), *splits).is_alarm)
    assert stats.binomtest(sum(alarms), 300, 0.9, "less").pvalue > 1e-3
    assert sum(alarms) < 300


def test_the_farthest_are_named_the_first_of_equal_ones_first() -> None:
    distance = np.array([0.1, 0.9, 0.5, 0.9])
    case = Case("teacher", {"test": Apart({DISTANCE: distance})}, Apart({DISTANCE: distance}))
    assert judged({"student": case}, ALPHA, most=3)[0].farthest == (1, 3, 2)
