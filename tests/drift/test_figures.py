"""A few numbers a sample, by scipy's formulas and in cases that one knows the answer of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from scipy.special import softmax

from compbench.drift.figures import Comparison, distance, figures
from compbench.statistics.drift import ANSWERS, CONFIDENCE, DISTANCE, GAP

LOGITS = Comparison(has_distribution=True)
outputs = arrays(np.float32, (5, 4), elements=st.floats(-30, 30, width=32))


@given(outputs, outputs)
def test_the_distance_is_scipy_s(one: np.ndarray, other: np.ndarray) -> None:
    found = figures(one, other, LOGITS)[DISTANCE]
    for each, p, q in zip(
        found, softmax(one.astype(float), 1), softmax(other.astype(float), 1), strict=True
    ):
        entropies = [stats.entropy(x, base=2) for x in ((p + q) / 2, p, q)]
        divergence = entropies[0] - (entropies[1] + entropies[2]) / 2
        assert each == pytest.approx(np.sqrt(max(0.0, divergence)), abs=2e-6)


@given(outputs, outputs)
def test_the_distance_is_the_same_from_either_side(one: np.ndarray, other: np.ndarray) -> None:
    found, turned = (figures(a, b, LOGITS)[DISTANCE] for a, b in ((one, other), (other, one)))
    assert found == pytest.approx(turned, abs=1e-6)
    assert ((found >= 0) & (found <= 1)).all()


def test_outputs_that_say_the_same_are_not_apart_and_strangers_are_1() -> None:
    logits = np.array([[3, 1, 0], [0, 50, 0]], np.float32)
    same = figures(logits, logits + 7, LOGITS)  # what softmax takes no notice of
    assert same[DISTANCE].tolist() == [0, 0]
    assert same[ANSWERS].tolist() == [0, 0]
    one, other = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    assert distance(one, other).tolist() == [1]


def test_answers_and_the_student_s_confidence() -> None:
    teacher = np.log(np.array([[0.7, 0.3], [0.2, 0.8]], np.float32))
    student = np.log(np.array([[0.6, 0.4], [0.9, 0.1]], np.float32))
    found = figures(teacher, student, LOGITS)
    assert found[ANSWERS].tolist() == [0, 1]
    assert found[CONFIDENCE] == pytest.approx([0.6, 0.9])
    leads = [0.6 / 0.4 / (0.7 / 0.3), 0.9 / 0.1 / (0.8 / 0.2)]
    assert found[GAP] == pytest.approx(np.log(leads), abs=1e-6)


def test_what_is_ruled_out_has_a_figure_too() -> None:
    one = np.array([[1.0, 0.0, 0.0]], np.float32)
    found = figures(one, np.log(one + 1e-9), Comparison(True, (True, False)))
    assert all(np.isfinite(values).all() for values in found.values())
    assert found[GAP] < -600
    ruled_out = np.array([[0.0, -np.inf, -np.inf]], np.float32)
    assert figures(ruled_out, ruled_out, LOGITS)[GAP].tolist() == [0]


def test_probabilities_say_what_their_logits_say() -> None:
    random = np.random.default_rng(0)
    teacher, student = random.normal(0, 3, (2, 20, 5)).astype(np.float32)
    wanted = figures(teacher, student, LOGITS)
    mixed = Comparison(True, (True, False))
    found = figures(softmax(teacher, 1), student, mixed)
    for name, values in wanted.items():
        assert found[name] == pytest.approx(values, abs=1e-4)


def test_a_sequence_s_figures_are_means_over_its_places() -> None:
    random = np.random.default_rng(0)
    teacher, student = random.normal(0, 3, (2, 4, 6, 5)).astype(np.float32)
    found = figures(teacher, student, LOGITS)
    flat = figures(teacher.reshape(24, 5), student.reshape(24, 5), LOGITS)
    for name, values in found.items():
        assert values == pytest.approx(flat[name].reshape(4, 6).mean(1))


def test_numbers_are_apart_by_their_spread() -> None:
    teacher = np.array([[0, 0], [1, 100]], np.float32)
    student = np.array([[3, 400], [1, 100]], np.float32)
    found = figures(teacher, student, Comparison(False, spread=(1.0, 100.0)))
    assert [*found] == [DISTANCE]
    assert found[DISTANCE] == pytest.approx([np.sqrt((9 + 16) / 2), 0])


def test_what_has_no_probability_at_all_is_seen() -> None:
    """`inference` refuses what is no number."""
    with np.errstate(all="ignore"):
        odd = np.array([[np.inf, np.inf]], np.float32)
        assert np.isnan(figures(odd, odd, LOGITS)[DISTANCE]).all()
