from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from compbench.statistics import changes
from compbench.statistics.intervals import Interval
from compbench.statistics.significance import holm, sign_flip_p
from tests.factory import exactly

logs = st.lists(st.floats(-1, 3), min_size=2, max_size=9).filter(lambda x: np.std(x) > 1e-3)


@settings(deadline=None)
@given(a=logs, b=logs)
def test_a_ratio_of_ratios_is_welch_s_test(a: list[float], b: list[float]) -> None:
    found = changes.ratio_of_ratios(a, b, floor=0.0)
    assert found is not None
    theirs: Any = stats.ttest_ind(b, a, equal_var=False)
    ends = theirs.confidence_interval(0.95)
    assert found.p_value == pytest.approx(theirs.pvalue, rel=1e-6)
    logs_of = np.array([np.mean(b) - np.mean(a), ends.low, ends.high])
    expected = np.exp(logs_of)
    assert found.interval == pytest.approx(tuple(expected), rel=1e-6)


def test_launches_that_agree_to_the_last_digit_give_a_sharp_answer() -> None:
    same = changes.ratio_of_ratios([0.5] * 3, [0.5] * 3, floor=0.0)
    other = changes.ratio_of_ratios([0.5] * 3, [0.6] * 3, floor=0.0)
    assert same and other
    assert (same.p_value, same.is_beyond_noise) == (1, False)
    assert other.p_value < 1e-6
    assert other.interval == pytest.approx((np.exp(0.1),) * 3, rel=1e-6)


@pytest.mark.parametrize(
    ("floor", "beyond"), [(0.0, True), (0.09, True), (0.2, False), (None, False)]
)
def test_no_speed_changed_within_the_noise_floor(floor: float | None, beyond: bool) -> None:
    found = changes.ratio_of_ratios([0.0, 0.001, 0.002], [0.1, 0.101, 0.102], floor)
    assert found
    assert found.is_beyond_noise is beyond
    assert found.p_value < 0.001
    assert changes.Change(found.interval, 0, beyond, 0).is_significant is beyond


def test_one_launch_has_no_interval() -> None:
    assert changes.ratio_of_ratios([0.1], [0.1, 0.2], 0.0) is None


def test_a_gate_s_ratio_comes_back_as_speed_with_its_own_p_value() -> None:
    times = np.log([1.10, 1.12, 1.08, 1.11, 1.09])  # B's time over A's
    half = stats.t.ppf(0.975, 4) * stats.sem(times)
    ratio = Interval(*np.exp([times.mean(), times.mean() - half, times.mean() + half]))
    alone: Any = stats.ttest_1samp(times, 0)
    found = changes.side_by_side(ratio, 5, Interval(1.0, 0.99, 1.02))
    assert found.p_value == pytest.approx(alone.pvalue, rel=1e-9)
    assert found.interval == pytest.approx((1 / ratio.value, 1 / ratio.high, 1 / ratio.low))
    assert found.is_beyond_noise
    assert not changes.side_by_side(ratio, 5, Interval(1.0, 0.8, 1.3)).is_beyond_noise
    assert changes.side_by_side(exactly(1), 5, exactly(1)).p_value == 1


@settings(deadline=None)
@given(st.integers(0, 12), st.integers(0, 12))
def test_random_signs_of_one_seed_are_mcnemar_s_exact_test(gained: int, lost: int) -> None:
    differences = np.array([1] * gained + [-1] * lost + [0] * 5)
    expected = stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1
    assert sign_flip_p(differences) == pytest.approx(expected, rel=1e-9)


@settings(deadline=None)
@given(st.lists(st.integers(-3, 3), max_size=9))
def test_random_signs_of_several_seeds_are_counted_out(differences: list[int]) -> None:
    sizes = np.abs(differences)
    sums = [np.dot(signs, sizes) for signs in product((-1, 1), repeat=len(sizes))]
    expected = np.mean([abs(s) >= abs(sum(differences)) for s in sums])
    assert sign_flip_p(np.array(differences, np.int64)) == pytest.approx(expected)


def convolved(leads: NDArray[np.int64]) -> float:
    """The same by adding up the sizes one by one: plain, and quadratic in the samples."""
    sizes, counts = np.unique(np.abs(leads[leads != 0]), return_counts=True)
    chances = np.ones(1)
    for size, count in zip(sizes, counts, strict=True):
        steps = np.zeros(size * count + 1)
        steps[::size] = stats.binom.pmf(np.arange(count + 1), count, 0.5)
        chances = np.convolve(chances, steps)
    sums = 2 * np.arange(len(chances)) - (len(chances) - 1)
    return min(1.0, float(chances[np.abs(sums) >= abs(int(leads.sum()))].sum()))


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 600), st.integers(1, 6), st.floats(0, 1))
def test_random_signs_are_those_of_plain_sums_far_into_the_tail(
    seed: int, count: int, most: int, positive: float
) -> None:
    random = np.random.default_rng(seed)
    signs = np.where(random.random(count) < positive, 1, -1)
    leads = signs * random.integers(0, most + 1, count)
    assert sign_flip_p(leads) == pytest.approx(convolved(leads), rel=1e-9, abs=1e-290)


@pytest.mark.parametrize("better", [0.001, 0.01, 0.1])
def test_ten_thousand_images_are_those_of_plain_sums(better: float) -> None:
    random = np.random.default_rng(0)
    ours, theirs = (random.random((3, 10_000)) < share for share in (0.8 + better, 0.8))
    leads = ours.sum(axis=0) - theirs.sum(axis=0)
    assert sign_flip_p(leads) == pytest.approx(convolved(leads), rel=1e-9, abs=1e-290)


@pytest.mark.parametrize(
    ("right", "expected"),  # Newcombe 1998, table II, method 10: p1 - p2
    [
        ((56, 70, 48, 80), (0.2000, 0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.6000, 0.1705, 0.8090)),
        ((10, 10, 0, 20), (1.0, 0.6791, 1.0)),
        ((10, 10, 0, 10), (1.0, 0.6075, 1.0)),
    ],
)
def test_unpaired_intervals_are_newcombe_s(right: tuple[int, ...], expected: tuple) -> None:
    b, a = (
        (np.arange(count) < some).astype(np.uint8)
        for some, count in zip(right[::2], right[1::2], strict=True)
    )
    found = changes.unpaired([a], [b])
    assert found.interval == pytest.approx(expected, abs=6e-5)
    table = [[right[0], right[1] - right[0]], [right[2], right[3] - right[2]]]
    theirs: Any = stats.chi2_contingency(table, correction=False)
    assert found.p_value == pytest.approx(theirs.pvalue, rel=1e-9)


def test_where_all_is_right_nothing_changed() -> None:
    ones = np.ones(50, np.uint8)
    found = changes.unpaired([ones], [ones])
    assert found.p_value == 1
    assert found.interval.low < 0 < found.interval.high


def test_paired_accuracy_counts_images_over_seeds() -> None:
    a = [np.array([1, 1, 0, 0] * 5, np.uint8), np.array([1, 1, 1, 0] * 5, np.uint8)]
    b = [np.array([1, 1, 1, 0] * 5, np.uint8), np.array([1, 1, 1, 0] * 5, np.uint8)]
    found = changes.paired_files(a, b)
    assert found.interval.value == pytest.approx(0.125)
    assert found.p_value == pytest.approx(2 * 0.5**5)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
