"""Of one sample or launch, of none, of equal ones and of what is no number: nothing is sure."""

from __future__ import annotations

from math import inf, isfinite, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from compbench.headline import ACCURACY, Headline
from compbench.statistics import certainty, changes, intervals, significance
from compbench.statistics.differences import Differences, sign_flip_p
from compbench.statistics.distributions import samples_needed
from compbench.statistics.noninferiority import Standing, judge
from compbench.statistics.paired_proportions import Disagreement
from compbench.statistics.pick import drop_sentence
from compbench.statistics.quality_change import between
from compbench.statistics.scores import metric_interval, paired, paired_p
from compbench.statistics.smallest_difference import SmallestDifference, smallest_difference
from compbench.statistics.speed import judge as judge_speed
from compbench.statistics.summary import Summaries
from tests.factory import RMSE, TARGET, exactly

PRECISION = Headline(name="ap", label="mean average precision", has_binary_scores=False)
NUMBERS = [RMSE, PRECISION]
METRICS = [ACCURACY, *NUMBERS]
named = pytest.mark.parametrize("headline", METRICS, ids=lambda headline: headline.name)
numeric = pytest.mark.parametrize("headline", NUMBERS, ids=lambda headline: headline.name)
finite = st.floats(-1e100, 1e100)


def scores(*values: float, headline: Headline = RMSE) -> NDArray:
    return np.array(values, np.uint8 if headline.has_binary_scores else np.float64)


@named
@pytest.mark.parametrize("seeds", [1, 2, 3])
@pytest.mark.parametrize(("one", "other"), [(0, 1), (1, 0), (1, 1)])
def test_one_sample_decides_nothing(headline: Headline, seeds: int, one: int, other: int) -> None:
    ours, theirs = ([scores(x, headline=headline)] * seeds for x in (one, other))
    found = paired(ours, theirs, headline)
    drop = judge(found, 0.3, headline=headline)
    assert drop.standing is Standing.UNDECIDED
    assert " on 1 validation image: undecided, as a single image decides nothing" in drop_sentence(
        drop, "1 pp", "image"
    )
    change = between(dict(enumerate(ours)), dict(enumerate(theirs)), headline=headline)
    assert change is not None and change.side == change.files_side == 0
    for apart in (changes.paired_files, changes.paired_techniques, changes.unpaired):
        if apart is not changes.paired_techniques or seeds > 1:
            found = apart(ours, theirs, headline)
            assert not found.is_significant and found.interval.low < 0 < found.interval.high
    alone = metric_interval(ours, headline)
    assert alone.low <= alone.value <= alone.high and alone.high - alone.low > 0.5


@numeric
def test_one_sample_beside_many_decides_nothing(headline: Headline) -> None:
    many = [np.linspace(0, 1, 50)]
    for one in ([scores(9.0)], [scores(0.5)]):
        for pair in ((one, many), (many, one)):
            found = changes.unpaired(*pair, headline)
            assert found.p_value == 1
            assert found.interval[1:] == (-inf, inf)


@numeric
def test_equal_samples_of_one_side_are_compared_all_the_same(headline: Headline) -> None:
    found = changes.unpaired([np.ones(5)], [np.array([0.9, 1, 1.1, 1, 1])], headline)
    assert found.interval.low < 0 < found.interval.high and found.p_value == pytest.approx(1)
    tiny = changes.unpaired([np.array([0, 1e-120])], [np.array([0, 2e-120])], PRECISION)
    assert 0 < tiny.p_value <= 1


@given(st.lists(finite, min_size=1, max_size=30), st.floats(1e-9, 0.5))
def test_intervals_of_any_numbers_hold_their_mean(values: list[float], alpha: float) -> None:
    found = Differences.of(np.array(values))
    low, high = found.bounds(alpha)
    assert low <= found.change <= high
    assert (low, high) == (-inf, inf) if len(values) == 1 else isfinite(high - low)
    assert 0 < sign_flip_p(np.array(values)) <= 1


@given(st.lists(finite, max_size=20), st.sampled_from([nan, inf, -inf]), st.integers(0, 20))
def test_what_is_no_number_is_refused(values: list[float], odd: float, place: int) -> None:
    """It was the smallest p-value that there is."""
    array = np.array([*values[:place], odd, *values[place:]])
    for statistic in (Differences.of, sign_flip_p):
        with pytest.raises(
            ValueError, match=r"^the score of 1 of [\d]+ samples is no finite number"
        ):
            statistic(array)


@numeric
def test_scores_that_are_no_numbers_are_refused_whatever_is_asked(headline: Headline) -> None:
    good, bad = [np.ones(20)], [np.r_[np.ones(19), nan]]
    for asked in (paired, paired_p, changes.paired_files, changes.unpaired):
        for pair in ((good, bad), (bad, good)):
            with pytest.raises(ValueError, match="no finite number"):
                asked(*pair, headline)
    with pytest.raises(ValueError, match="no finite number"):
        metric_interval(bad, headline)


def test_no_scores_have_no_mean() -> None:
    with pytest.raises(ValueError, match="there are no scores"):
        Differences.of(np.empty(0))
    assert sign_flip_p(np.empty(0)) == 1


@given(st.integers(1, 10**6), st.floats(-1e300, 1e300), st.floats(1e-12, 0.5))
def test_samples_to_decide_are_a_number_that_one_can_say(
    samples: int, errors: float, alpha: float
) -> None:
    found = samples_needed(samples, errors, alpha)
    assert found is None or 1 <= found < 10**13
    assert samples_needed(samples, 0.0, alpha) is None


def test_what_only_rounding_takes_from_the_limit_is_at_it() -> None:
    found = Disagreement(0, 3, 300)
    assert found.samples_to_decide(-0.01 + 1e-17, 0.05) is None
    near = Differences(0.1, 1e200, 0.0, 9, 8)
    assert near.samples_to_decide(0.1 + 1e-16, 0.05) is None


@pytest.mark.parametrize("logs", [[], [0.7], [nan, 0.7], [inf, 0.7]])
def test_one_launch_is_neither_faster_nor_slower(logs: list[float]) -> None:
    with np.errstate(invalid="ignore"):
        found = judge_speed({"a": logs, "b": [0.5, 0.6]}, exactly(1.0))
    assert found["a"].side == 0
    assert intervals.log_ratio_interval(logs[:1]) is None
    assert significance.log_ratio_p(logs[:1]) == 1


def test_two_launches_may_find_no_difference_at_all() -> None:
    found = smallest_difference([[0.0, 0.5], [0.1, 0.6]], 300)
    assert found == SmallestDifference(inf, 2, 300)
    assert found is not None
    told = certainty.smallest_difference(
        Summaries((), {}, frozenset(), smallest={TARGET: found}), TARGET
    )
    assert told == (
        "2 such launches are too few to be sure of any difference in speed, were it 100-fold "
        "(300 variants compared)."
    )
