"""A step amid noise that is correlated from run to run: found, and seldom found where none is."""

from __future__ import annotations

import numpy as np
import pytest

from compbench.statistics import correlated_noise
from compbench.statistics.change_points import Demands, levels, smallest
from compbench.statistics.correlated_noise import Shape, further, noise, resolved
from tests.simulations.rate import Rate

HISTORIES = 100


def marked(correlation: float, runs: int = 30) -> int:
    """How many unchanged histories have a mark."""
    random = np.random.default_rng(0)
    demands = Demands(2, 0.0, 1)
    histories = noise(random, HISTORIES, runs, correlation)
    return sum(len(levels(x, np.zeros(runs), demands)) > 1 for x in histories)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.7])
def test_unchanged_runs_whose_noise_is_correlated_are_rarely_marked(correlation: float) -> None:
    """A t-test for independent runs marked most of those with 0.5."""
    assert not Rate("", "", marked(correlation), HISTORIES, 0.05).is_broken()


@pytest.mark.parametrize(("correlation", "neighbours"), [(0.0, 0.0), (0.5, 0.5), (0.7, 0.7)])
def test_noise_has_the_correlation_that_it_says(correlation: float, neighbours: float) -> None:
    found = noise(np.random.default_rng(0), 4000, 12, correlation)
    assert found.std(axis=0) == pytest.approx(np.ones(12), abs=0.05)
    assert np.mean(found[:, 1:] * found[:, :-1]) == pytest.approx(neighbours, abs=0.02)


def test_the_gain_is_that_of_the_likelihoods() -> None:
    """Two levels of two exact values, and of noise without correlation: by least squares."""
    values = np.array([[0.0, 0.2, -0.1, 1.1, 0.9, 1.0]])
    shape = Shape(6)
    (gain,), (which,) = shape.gains(values)
    assert shape.candidates[which] == (3,)
    best = {False: -np.inf, True: -np.inf}
    at = np.arange(6)
    for correlation in np.round(np.arange(0, 0.81, 0.1), 1):
        covariance = correlation ** np.abs(at[:, None] - at)
        weight = np.linalg.inv(covariance)
        for is_stepped in best:
            design = np.array([at >= 0, at >= 3][: 1 + is_stepped], float).T
            fit = np.linalg.solve(design.T @ weight @ design, design.T @ weight @ values[0])
            rest = values[0] - design @ fit
            scale = rest @ weight @ rest
            likelihood = -3 * np.log(scale) - 0.5 * np.linalg.slogdet(covariance)[1]
            best[is_stepped] = max(best[is_stepped], likelihood)
    assert gain == pytest.approx(best[True] - best[False])


def test_there_and_back_does_not_hide() -> None:
    values = noise(np.random.default_rng(1), 1, 30, 0.0)[0]
    values[12:18] += 6
    assert further(values, (), 2, 0.05) in {(12,), (18,), (12, 18)}
    assert [x.start for x in levels(values, np.zeros(30), Demands(2, 0, 1))] == [0, 12, 18]


def test_levels_are_as_long_as_asked() -> None:
    assert Shape(6).candidates == [(2,), (3,), (4,)]
    assert Shape(9, (4,)).candidates == [(2,), (6,), (7,)]
    assert Shape(3).candidates == []
    assert Shape(6, is_pulse=True).candidates == [(2, 4)]
    assert max(b - a for a, b in Shape(400, is_pulse=True).candidates) == 8


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0, 3.0], [2.0] * 9])
def test_where_there_is_no_room_or_no_spread_is_no_step(values: list[float]) -> None:
    assert further(np.array(values), (), 2, 0.05) == () if values else True
    assert len(levels(values, np.zeros(len(values)), Demands(2, 0, 1))) == min(1, len(values))


def test_where_it_is_and_how_large_does_not_matter() -> None:
    values = noise(np.random.default_rng(2), 1, 20, 0.3)[0]
    values[8:] += 6
    for moved in (values, 1e-4 * values, values + 1e5, -values):
        assert further(moved, (), 2, 0.05) == (8,)


def test_more_runs_show_smaller_steps_and_more_variants_larger_ones() -> None:
    sizes = [resolved(count, 2, 0.05) for count in (6, 10, 30)]
    assert None not in sizes and sizes == sorted(sizes, reverse=True)  # pyright: ignore[reportArgumentType, reportCallIssue]
    one, many = (smallest(10, Demands(2, 0, searches)) for searches in (1, 12))
    assert one is not None and many is not None and one < many
    assert resolved(3, 2, 0.05) is None
    assert smallest(4, Demands(2, 0, 100)) is None


def test_the_size_that_it_says_is_found_so_often() -> None:
    size = resolved(20, 2, 0.05)
    assert size is not None
    values = noise(np.random.default_rng(3), HISTORIES, 20, 0.0)
    values[:, 10:] += size
    found = sum(further(x, (), 2, 0.05) != () for x in values)
    assert not Rate("", "", found, HISTORIES, correlated_noise.POWER, at_least=True).is_broken()
