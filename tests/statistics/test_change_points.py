from __future__ import annotations

import numpy as np
import pytest

from compbench.statistics.change_points import Demands, levels

RUNS, HISTORIES, NOISE, LAUNCHES = 30, 200, 0.01, 5


def starts(values, *, errors=None, least: int = 2, floor: float = 0.0) -> list[int]:
    """Where levels begin, as in a history of one variant."""
    demands = Demands(least, floor, 1)
    found = levels(values, np.zeros(len(values)) if errors is None else errors, demands)
    assert [level.end for level in found] == [*(level.start for level in found[1:]), len(values)]
    for level in found:
        assert level.mean == pytest.approx(np.mean(values[level.start : level.end]))
    return [level.start for level in found[1:]]


def history(random: np.random.Generator, runs: int = RUNS) -> tuple[np.ndarray, np.ndarray, float]:
    """Log-ratios of unchanged runs, their own errors, and the floor of A/A controls as noisy."""
    own = 0.7 * NOISE * np.sqrt(random.chisquare(LAUNCHES - 1, runs) / (LAUNCHES - 1))
    floor = float(np.quantile(np.abs(random.normal(0, NOISE, runs)), 0.95))
    return random.normal(0, NOISE, runs), own, floor


@pytest.mark.slow
@pytest.mark.parametrize("runs", [4, 6, 10, RUNS])
def test_unchanged_runs_are_rarely_marked(runs: int) -> None:
    random, marked = np.random.default_rng(0), 0
    for _ in range(HISTORIES):
        values, errors, floor = history(random, runs)
        marked += starts(values, errors=errors, floor=floor) != []
    assert marked < 0.05 * HISTORIES


@pytest.mark.slow
def test_runs_that_were_disturbed_are_rarely_marked() -> None:
    random, marked = np.random.default_rng(0), 0
    for _ in range(HISTORIES):
        values, errors, floor = history(random)
        disturbed = np.where(random.random(RUNS) < 0.1, 5, 1)
        marked += starts(values * disturbed, errors=errors * disturbed, floor=floor) != []
    assert marked < 0.05 * HISTORIES


@pytest.mark.slow
@pytest.mark.parametrize(
    ("runs", "at", "share"), [(10, 5, 0.7), (RUNS, 5, 0.95), (RUNS, 15, 0.95), (RUNS, 27, 0.95)]
)
def test_five_percent_are_found_at_the_right_run(runs: int, at: int, share: float) -> None:
    """In so many histories: of ten runs one can't tell well whether neighbours are correlated."""
    random, right = np.random.default_rng(0), 0
    for _ in range(HISTORIES):
        values, errors, floor = history(random, runs)
        values[at:] += np.log(1.05)
        found = starts(values, errors=errors, floor=floor)
        right += len(found) == 1 and abs(found[0] - at) <= 1
    assert right >= share * HISTORIES


def test_some_histories_without_steps_and_with_one() -> None:
    values, errors, floor = history(np.random.default_rng(0))
    assert starts(values, errors=errors, floor=floor) == []
    values[15:] -= 0.05
    assert starts(values, errors=errors, floor=floor) == [15]
    values[22:] += 0.06
    assert starts(values, errors=errors, floor=floor) == [15, 22]


def test_a_step_within_the_floor_is_none() -> None:
    values = np.array([0.0, 0.001, 0.0, 0.001, 0.0, 0.05, 0.051, 0.05, 0.051, 0.05])
    assert starts(values, floor=0.04) == [5]
    assert starts(values, floor=0.06) == []


def test_runs_that_say_that_they_are_unsure_are_believed() -> None:
    values = np.array([0.0, 0.001, 0.0, 0.001, 0.0, 0.05, 0.051, 0.05, 0.051, 0.05])
    assert starts(values, errors=np.full(10, 0.001)) == [5]
    assert starts(values, errors=np.full(10, 0.05)) == []


@pytest.mark.parametrize("at", [0, 1, 4, 8, 9])
def test_one_odd_run_is_no_step(at: int) -> None:
    values = np.array([0.0, 0.01, -0.01, 0.0, 0.01, -0.01, 0.0, 0.01, -0.01, 0.0])
    values[at] += 0.5
    assert starts(values) == []


@pytest.mark.parametrize(
    ("values", "least", "expected"),
    [
        ([], 2, []),
        ([1.0], 2, []),
        ([1.0, 2.0], 2, []),
        ([1.0, 1.0, 2.0], 2, []),
        ([1.0, 1.0, 2.0, 2.0], 2, [2]),
        ([1.0, 2.0], 1, [1]),  # without noise one value is enough
        ([1.0, 1.0, 1.0, 2.0], 1, [3]),
        ([1.0, 1.0, 2.0, 1.0, 1.0], 1, [2, 3]),
        ([3.0] * 9, 1, []),
    ],
)
def test_few_and_exact_values(values: list[float], least: int, expected: list[int]) -> None:
    if values:
        assert starts(values, least=least) == expected
    else:
        assert levels([], [], Demands(least, 0, 1)) == []
