"""The expected calibration error beside other ways to compute it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compbench.statistics.calibration import BINS, calibration_error


def as_published(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Guo et al. 2017, section 3: bin by bin, (low, high], |accuracy - confidence| by its share."""
    edges = np.linspace(0, 1, BINS + 1)
    found = 0.0
    for low, high in pairwise(edges):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            gap = abs(correct[inside].mean() - confidence[inside].mean())
            found += gap * inside.mean()
    return found


SAMPLES = st.lists(
    st.tuples(st.floats(2**-10, 1, width=32), st.booleans()), min_size=1, max_size=200
)


@given(samples=SAMPLES)
def test_it_is_the_published_sum(samples: list[tuple[float, bool]]) -> None:
    confidence, correct = (np.array(column, float) for column in zip(*samples, strict=True))
    edges = np.arange(BINS + 1) / BINS
    away = np.abs(confidence[:, None] - edges).min(1) > 1e-9  # else rounding decides of the bin
    confidence, correct = confidence[away], correct[away]
    if len(confidence):
        found = calibration_error(confidence, correct)
        assert found == pytest.approx(as_published(confidence, correct), abs=1e-12)
        assert 0 <= found <= 1


def test_ends_are_in_the_last_and_the_first_bin() -> None:
    assert calibration_error(np.array([1.0, 1.0]), np.array([1, 1])) == 0
    assert calibration_error(np.array([0.0]), np.array([1])) == 1
    assert calibration_error(np.array([1.0]), np.array([0])) == 1


def test_over_and_under_confidence_of_one_bin_cancel_and_of_two_do_not() -> None:
    right = np.array([1, 0, 1, 0])
    assert calibration_error(np.array([0.5, 0.5, 0.5, 0.5]), right) == pytest.approx(0)
    apart = calibration_error(np.array([0.1, 0.9, 0.1, 0.9]), right)
    assert apart == pytest.approx(0.9)


def test_who_is_right_as_often_as_sure_has_little_more_than_none() -> None:
    random = np.random.default_rng(0)
    confidence = random.uniform(0.1, 1, 100_000)
    correct = random.random(100_000) < confidence
    assert calibration_error(confidence, correct) < 0.01
    assert calibration_error(np.minimum(1, confidence + 0.1), correct) > 0.08


def test_the_order_of_samples_is_of_no_matter_nor_is_their_type() -> None:
    random = np.random.default_rng(0)
    confidence, correct = random.random(300).astype("f4"), random.integers(0, 2, 300, np.uint8)
    order = random.permutation(300)
    assert calibration_error(confidence[order], correct[order]) == pytest.approx(
        calibration_error(confidence, correct)
    )
