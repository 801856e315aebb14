from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from compbench.headline import Loss
from compbench.statistics.allowed_loss import front_margin
from compbench.statistics.pareto_front import Contender, front
from tests.factory import make_run

SAMPLES = 2_000
LAUNCHES = range(5)


def contender(
    name: str, wrong: int = 20, log_ratio: float = 0.0, size: float = 1000, first: int = 0
) -> Contender:
    """Wrong on so many samples from `first` on; its launches differ by a thousandth."""
    right = np.ones(SAMPLES, np.uint8)
    right[first : first + wrong] = 0
    times = {n: log_ratio + 0.001 * (n % 2) for n in LAUNCHES}
    return Contender(name, {0: right}, times, size)


@st.composite
def contenders(draw: st.DrawFn) -> list[Contender]:
    whole = st.integers
    return [
        contender(
            str(i),
            draw(whole(0, 200)),
            draw(whole(-9, 9)) / 10,
            draw(whole(1, 4)) * 500,
            draw(whole(0, 400)),
        )
        for i in range(draw(st.integers(1, 8)))
    ]


@settings(deadline=None)
@given(contenders(), st.sampled_from([0.0, 0.005, 0.02]))
def test_each_has_one_place_and_the_front_is_never_empty(found: list[Contender], margin: float):
    made = front(found, margin)
    names = {c.variant for c in found}
    assert made.members | made.undecided | made.beaten_by.keys() == names
    assert len(made.members) + len(made.undecided) + len(made.beaten_by) == len(names)
    assert made.members | made.undecided
    assert all(by in names and by != name for name, by in made.beaten_by.items())


def test_what_is_shown_to_be_no_worse_and_better_in_one_beats() -> None:
    found = front([contender("large"), contender("small", size=500)], 0.005)
    assert found.members == {"small"}
    assert found.beaten_by == {"large": "small"}


def test_a_truly_better_one_stays_though_the_estimates_are_level() -> None:
    """Of 2,000 samples each is wrong on other 100: one may well be better by half a point."""
    large, small = contender("large", 100), contender("small", 100, size=500, first=200)
    found = front([large, small], 0.005)
    assert found.members == {"small"}
    assert found.undecided == {"large"}
    assert front([large, small], 0.05).beaten_by == {"large": "small"}


def test_what_is_measurably_better_in_something_is_never_beaten() -> None:
    fast = contender("fast", log_ratio=-0.01)  # by less than the margin of time
    small = contender("small", size=500)
    assert front([fast, small], 0.005).members == {"fast", "small"}
    assert front([fast, small], 0.005, noise=0.02).beaten_by == {"fast": "small"}


def test_a_slower_one_does_not_beat() -> None:
    found = front([contender("fast"), contender("small", log_ratio=0.5, size=500)], 0.005)
    assert found.members == {"fast", "small"}


def test_a_few_bytes_are_no_difference() -> None:
    found = front([contender("a", size=1000), contender("b", size=1009)], 0.005)
    assert found.undecided == {"a", "b"}


def test_seeds_and_launches_that_only_one_has_are_left_out() -> None:
    a, b = contender("a"), contender("b", size=500)
    two = Contender("a", {**a.scores, 1: np.zeros(SAMPLES, np.uint8)}, a.log_ratios, 1000)
    assert front([two, b], 0.005).beaten_by == {"a": "b"}
    apart = Contender("b", {5: b.scores[0]}, {9: 0.0, 10: 0.0}, 500)
    assert front([a, apart], 0.005).undecided == {"a"}
    assert front([a, apart], 0.005).members == {"b"}


def test_nothing_measured_is_an_empty_front() -> None:
    assert front([], 0.005).members == set()
    assert front([contender("only")], 0.005).members == {"only"}


def test_the_margin_is_the_suite_s_or_half_the_drop_allowed() -> None:
    assert front_margin(make_run(pick={"max_drop": 0.02})) == Loss(0.01)
    assert front_margin(make_run(pick={"max_drop": 0.02, "margin": 0.0})) == Loss(0)
