"""Verdicts on samples of which one knows the truth; tests/simulations/drift.py has the rates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from compbench.statistics.drift import (
    ANSWERS,
    CONFIDENCE,
    DISTANCE,
    GAP,
    Apart,
    Case,
    judged,
)
from compbench.statistics.significance import holm
from tests.simulations.drift import ALPHA, drawn, verdict


def rare(alarms: Sequence[bool], alpha: float = ALPHA) -> bool:
    return bool(stats.binomtest(sum(alarms), len(alarms), alpha, "greater").pvalue > 1e-4)


@pytest.mark.parametrize(("samples", "moved"), [(100, 0.7), (1000, 0.3)])
def test_where_outputs_are_farther_apart_there_is_an_alarm(samples: int, moved: float) -> None:
    random = np.random.default_rng(samples)
    found = [
        verdict(drawn(random, samples, moved), drawn(random, 1000), drawn(random, 1000))
        for _ in range(200)
    ]
    assert np.mean([one.is_alarm for one in found]) >= 0.95
    sides = {(one.name, one.side) for each in found for one in each.changed}
    assert sides == {(ANSWERS, 1), (DISTANCE, 1), (GAP, -1), (CONFIDENCE, -1)}


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
    assert len(found) == 8


def test_samples_between_the_splits_have_a_p_of_1() -> None:
    random = np.random.default_rng(3)
    then = drawn(random, 2000, -1.0), drawn(random, 2000, 1.0)
    found = verdict(drawn(random, 2000), *then)
    assert not found.is_alarm
    assert {(one.p, one.side) for one in found.evidence} == {(1.0, 0)}


def test_each_figure_is_told_with_its_interval_now_and_then() -> None:
    random = np.random.default_rng(4)
    now, *then = (drawn(random, n, m) for n, m in ((200, 0.5), (300, 0), (400, 0)))
    answers, distance, *_ = verdict(now, *then).evidence
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


def test_the_farthest_are_named_the_first_of_equal_ones_first() -> None:
    distance = np.array([0.1, 0.9, 0.5, 0.9])
    case = Case("teacher", {"test": Apart({DISTANCE: distance})}, Apart({DISTANCE: distance}))
    assert judged({"student": case}, ALPHA, most=3)[0].farthest == (1, 3, 2)
