"""Parity is judged by the outputs' spread: roundings grow with the numbers."""

from __future__ import annotations

import numpy as np
import pytest

from compbench.onnxfile.parity import MOST_DIFFERENCE, Parity, distance
from compbench.tasks import classification, regression
from tests import nets


@pytest.mark.parametrize(
    ("spread", "difference", "is_refused"),
    [
        (10.0, 2e-4, False),  # a deep net's logits of 30 may differ by a rounding
        (10.0, 9.9e-4, False),
        (10.0, 1.1e-3, True),
        (1.0, 9.9e-5, False),
        (1.0, 2e-4, True),
        (0.01, 9.9e-5, False),  # small outputs are held to the absolute limit
        (0.01, 2e-4, True),
    ],
)
def test_the_limit_grows_with_the_spread_and_is_never_smaller_than_itself(
    spread: float, difference: float, is_refused: bool
) -> None:
    complaint = Parity(difference, 1.0, spread).complaint("cpu")
    assert (complaint is not None) == is_refused
    if complaint:
        allowed = MOST_DIFFERENCE * max(1, spread)
        assert f"allowed: {allowed:.2g}" in complaint and f"spread is {spread:.2g}" in complaint


def test_a_target_s_own_limit_is_a_share_of_the_spread_too() -> None:
    assert Parity(0.05, 1.0, 10.0).complaint("gpu", 0.01) is None
    assert Parity(0.2, 1.0, 10.0).complaint("gpu", 0.01)


def test_logits_of_30_with_a_rounding_of_2e_4_pass() -> None:
    random = np.random.default_rng(0)
    reference = random.normal(0, 10, (500, 10)).astype(np.float32)
    found = nets.parity(reference, reference + np.float32(2e-4))
    assert found.spread == pytest.approx(10, rel=0.05)
    assert found.complaint("the CPU") is None
    one_wrong = reference.copy()
    one_wrong[3, 4] += 1  # a fault in one sample is not lost among the others
    assert nets.parity(reference, one_wrong).complaint("the CPU")


@pytest.mark.parametrize("task", [classification.Task(), regression.Task()])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_is_refused(task, bad: float) -> None:
    from compbench.onnxfile.parity import parity

    reference = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    broken = reference.copy()
    broken[0, 0] = bad
    assert parity(reference, broken, task).complaint("the CPU")


def test_what_both_call_impossible_is_no_difference() -> None:
    from compbench.onnxfile.parity import parity

    reference = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    reference[:5, 2] = -np.inf
    found = parity(reference, reference.copy(), classification.Task())
    assert (found.max_abs_difference, found.agreement) == (0, 1)
    assert np.isfinite(found.spread) and found.complaint("the CPU") is None


def test_a_distance_is_a_share_of_the_reference_s_spread() -> None:
    reference = np.random.default_rng(0).normal(3, 2, (4000, 5)).astype(np.float32)
    other = np.random.default_rng(1).normal(3, 2, (4000, 5)).astype(np.float32)
    assert distance(reference, reference) == 0
    assert distance(reference, reference + np.float32(0.2)) == pytest.approx(0.1, rel=0.02)
    assert distance(reference, other) == pytest.approx(2**0.5, rel=0.02)
    assert distance(reference * 1e-9, other * 1e-9) == pytest.approx(2**0.5, rel=0.02)


def test_what_tells_no_sample_from_another_is_far_whatever_the_outputs_offsets() -> None:
    offsets = np.array([-5, 0, 9], np.float32)  # as biases make them
    samples = np.random.default_rng(0).normal(0, 0.05, (500, 3)).astype(np.float32)
    silent = np.broadcast_to(offsets + samples.mean(0), samples.shape)
    assert distance(offsets + samples, silent) == pytest.approx(1, rel=1e-3)
    assert distance(offsets + samples, samples) == pytest.approx(1, abs=0.1)  # the biases are lost


def test_outputs_that_hardly_differ_are_apart_by_more_than_roundings() -> None:
    constant = np.full((20, 1), 5, np.float32)
    assert distance(constant, constant + np.float32(1e-6)) < 1e-3
    assert distance(constant, constant * 2) > 100
    zeros = np.zeros((20, 1), np.float32)
    assert (distance(zeros, zeros), distance(zeros, constant)) == (0, np.inf)
