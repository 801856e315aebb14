"""Two samples: second formulations from scipy and by brute force, and levels by simulation."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from compbench.statistics.two_samples import (
    FOUND,
    fisher_p,
    median,
    rank_p,
    smallest_share,
    smallest_superiority,
    superiority,
)

counts = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
numbers = st.lists(st.integers(0, 12), min_size=2, max_size=60).map(np.array)


def _scipy_s(table: list[list[int]]) -> float:
    found: Any = stats.fisher_exact(table)
    return float(found.pvalue)


@given(counts, counts)
def test_fisher_s_p_is_scipy_s(one: tuple[int, int], other: tuple[int, int]) -> None:
    table = [[hits, total - hits] for hits, total in (one, other)]
    assert fisher_p(one, other) == pytest.approx(_scipy_s(table), rel=1e-6)
    assert fisher_p(one, other) == pytest.approx(fisher_p(other, one), rel=1e-9)


def test_fisher_s_p_of_many_thousands_is_a_number() -> None:
    assert fisher_p((500_000, 1_000_000), (500_100, 1_000_000)) == pytest.approx(0.888, abs=0.01)
    assert 0 < fisher_p((900, 10_000), (400, 10_000)) < 1e-40


@given(numbers, numbers)
def test_the_p_of_ranks_is_scipy_s(one: np.ndarray, other: np.ndarray) -> None:
    if len({*one, *other}) == 1:
        assert rank_p(one, other) == 1
        return
    expected = stats.mannwhitneyu(one, other, method="asymptotic")
    assert rank_p(one, other) == pytest.approx(expected.pvalue, rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(20, 20), (20, 400), (100, 400)])
def test_ranks_of_equal_distributions_are_as_rarely_different_as_they_say(n: int, m: int) -> None:
    """Far out in the tail, where a correction for number puts the threshold."""
    random, trials = np.random.default_rng(n + m), 4000
    for level in (0.05, 0.01, 0.0017):
        draws = (np.exp(random.normal(0, 2, n + m)) for _ in range(trials))
        false = sum(rank_p(each[:n], each[n:]) <= level for each in draws)
        assert stats.binomtest(false, trials, level, "greater").pvalue > 1e-4


@given(numbers, numbers)
def test_superiority_is_the_share_of_pairs(one: np.ndarray, other: np.ndarray) -> None:
    found = superiority(one, other)
    pairs = [(a > b) + (a == b) / 2 for a, b in product(one, other)]
    assert found.value == pytest.approx(np.mean(pairs))
    assert 0 <= found.low <= found.value <= found.high <= 1
    turned = superiority(other, one)
    assert turned == pytest.approx((1 - found.value, 1 - found.high, 1 - found.low))


def test_the_interval_of_superiority_covers_it() -> None:
    random, trials, covered = np.random.default_rng(0), 1000, 0
    truth = float(stats.norm.cdf(0.5 / np.sqrt(2)))
    for _ in range(trials):
        found = superiority(random.normal(0.5, 1, 60), random.normal(0, 1, 300))
        covered += found.low <= truth <= found.high
    assert 0.93 < covered / trials < 0.97


def test_superiority_without_any_overlap_has_an_interval() -> None:
    found = superiority(np.full(20, 2.0), np.full(100, 1.0))
    assert (found.value, found.high) == (1, 1)
    assert 0.9 < found.low < 1


@given(st.lists(st.floats(-5, 5), min_size=6, max_size=80).map(np.array))
def test_the_median_s_ends_are_two_of_the_numbers(values: np.ndarray) -> None:
    found = median(values)
    assert found.value == np.median(values)
    assert {found.low, found.high} <= {*values}
    assert found.low <= found.value <= found.high
    place = int(np.searchsorted(np.sort(values), found.low, "right"))
    assert place >= stats.binom.ppf(0.025, len(values), 0.5)


@pytest.mark.parametrize("n", [6, 7, 20, 99])
def test_the_median_s_interval_covers_it(n: int) -> None:
    random, trials = np.random.default_rng(n), 2000
    found = [median(random.exponential(1, n)) for _ in range(trials)]
    covered = sum(one.low <= np.log(2) <= one.high for one in found)
    assert stats.binomtest(covered, trials, 0.95, "less").pvalue > 1e-4


@pytest.mark.parametrize(("known", "n"), [([(20, 1000)], 300), ([(5, 288), (11, 360)], 100)])
def test_the_smallest_share_is_found_as_often_as_it_says(
    known: list[tuple[int, int]], n: int
) -> None:
    alpha = 0.01 / 3
    share = smallest_share(known, n, alpha)
    assert share is not None

    def is_found(hits: int) -> bool:
        tables = ([[hits, n - hits], [a, m - a]] for a, m in known)
        more = all(hits / n > a / m for a, m in known)
        return more and all(_scipy_s(t) <= alpha for t in tables)

    chance = sum(stats.binom.pmf(hits, n, share) for hits in range(n + 1) if is_found(hits))
    assert chance == pytest.approx(FOUND, abs=1e-4)


def test_where_no_share_would_be_found_there_is_none() -> None:
    assert smallest_share([(9, 20)], 3, 0.001) is None
    assert smallest_share([(20, 20)], 100, 0.01) is None


@pytest.mark.parametrize(("n", "m"), [(100, 6000), (300, 300)])
def test_the_smallest_superiority_is_found_as_often_as_it_says(n: int, m: int) -> None:
    random, trials, alpha = np.random.default_rng(n), 400, 0.01 / 3
    least = smallest_superiority([m, m], n, alpha)
    shift = np.sqrt(2) * stats.norm.ppf(least)
    found = 0
    for _ in range(trials):
        new = random.normal(shift, 1, n)
        found += all(rank_p(new, random.normal(0, 1, m)) <= alpha for _ in range(2))
    assert stats.binomtest(found, trials, FOUND, "less").pvalue > 1e-3
    assert found < trials


def test_few_samples_show_no_superiority_but_the_largest() -> None:
    assert smallest_superiority([20], 1, 1e-6) == 1
    assert smallest_superiority([10_000], 10_000, 0.01) == pytest.approx(0.5157, abs=1e-3)
