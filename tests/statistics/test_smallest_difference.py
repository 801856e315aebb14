from __future__ import annotations

from math import log

import numpy as np
import pytest

from compbench.statistics.smallest_difference import FOUND, chance, smallest_difference

SPREAD = 0.013


def arms(count: int, launches: int, spread: float = SPREAD) -> list[list[float]]:
    """Log-ratios of exactly this spread."""
    logs = np.linspace(-1, 1, launches)
    return [(spread * logs / np.std(logs, ddof=1)).tolist()] * count


@pytest.mark.parametrize(
    ("launches", "comparisons", "expected"), [(5, 1, 0.99), (3, 8, 0.17), (3, 1, 0.66)]
)
def test_the_chance_of_finding_4_6_percent(
    launches: int, comparisons: int, expected: float
) -> None:
    """Figures of trials: 5 launches found it in 99 %, quickstart's 3 with 8 variants in 17 %."""
    assert chance(log(1.046), SPREAD, launches, comparisons) == pytest.approx(expected, abs=0.02)


def test_the_smallest_difference_is_found_as_often_as_is_said() -> None:
    found = smallest_difference(arms(9, 5), 8)
    assert found is not None and (found.launches, found.comparisons) == (5, 8)
    assert chance(log(1 + found.share), SPREAD, 5, 8) >= FOUND - 0.02


def test_more_launches_see_less_and_more_variants_hide_more() -> None:
    shares = [
        found.share
        for launches, comparisons in ((8, 1), (5, 1), (5, 8), (3, 8))
        if (found := smallest_difference(arms(2, launches), comparisons))
    ]
    assert shares == sorted(shares) and len(set(shares)) == 4


def test_it_is_in_proportion_to_the_spread() -> None:
    one, other = (smallest_difference(arms(4, 5, x), 3) for x in (0.001, 0.002))
    assert one is not None and other is not None
    assert log(1 + other.share) == pytest.approx(2 * log(1 + one.share))


def test_one_wild_arm_does_not_decide() -> None:
    calm = smallest_difference(arms(5, 5), 4)
    wild = smallest_difference([*arms(4, 5), *arms(1, 5, 1.0)], 4)
    assert calm == wild


@pytest.mark.parametrize("logs", [[], [[]], [[0.1], [0.2]]])
def test_a_single_launch_says_nothing(logs: list[list[float]]) -> None:
    assert smallest_difference(logs, 1) is None


def test_nothing_to_compare_says_nothing() -> None:
    assert smallest_difference(arms(1, 5), 0) is None


def test_launches_that_an_arm_lost_do_not_count_for_all() -> None:
    found = smallest_difference([*arms(3, 5), [0.5, -0.5]], 3)
    assert found == smallest_difference(arms(3, 5), 3)
