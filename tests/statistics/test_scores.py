"""Scores that are 0 or 1 are told of by exact methods, numbers by means; both in the metric's unit
and direction."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from compbench.headline import ACCURACY, Headline, Loss
from compbench.statistics import changes, differences, significance
from compbench.statistics.crossed_effects import CrossedMean
from compbench.statistics.differences import Differences, sign_flip_p
from compbench.statistics.intervals import accuracy_interval
from compbench.statistics.noninferiority import Standing, judge
from compbench.statistics.paired_proportions import Disagreement
from compbench.statistics.pareto_front import Contender, front
from compbench.statistics.quality_change import between
from compbench.statistics.scores import crossed, metric_interval, paired, paired_interval, paired_p
from tests.factory import RMSE

PRECISION = Headline(name="ap", label="mean average precision", has_binary_scores=False)
BITS = Headline(name="bits", label="bits", unit="bits", better="lower", has_binary_scores=False)
NUMBERS = (RMSE, PRECISION, BITS)


def squares(seed: int, count: int = 400, scale: float = 1.0) -> NDArray[np.float64]:
    """Squared errors of an RMSE of about `scale`, of the same samples whatever the seed."""
    base = np.random.default_rng(0).normal(size=count)
    own = np.random.default_rng([1, seed]).normal(size=count)
    return (scale * (0.95 * base + 0.3 * own)) ** 2


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=10))
def test_few_signs_are_gone_through(values: list[float]) -> None:
    given_values = np.round(np.array(values), 3)
    expected = (
        stats.permutation_test(
            (given_values,), np.sum, permutation_type="samples", n_resamples=10**6
        )
        if len(values) > 1
        else None
    )
    found = sign_flip_p(given_values)
    assert 0 < found <= 1
    if expected is not None:
        assert found == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("tail", [2, 5, 100])
@pytest.mark.parametrize("count", [20, 60, 1000])
def test_many_signs_are_as_drawn_at_random(count: int, tail: int) -> None:
    """Long tails too: no resampling, and yet as close to it as it is to itself."""
    random = np.random.default_rng([count, tail])
    for lead in (0.0, 0.3, 0.6):
        values = random.standard_t(tail, count) + lead * 5 / np.sqrt(count)
        signs = random.choice([-1.0, 1.0], (20_000, count))
        drawn = float(np.mean(np.abs(signs @ values) >= abs(values.sum())))
        assert drawn - 0.012 <= sign_flip_p(values) <= drawn + 0.03


def test_equal_differences_are_those_of_the_exact_test() -> None:
    """And surer by no more than a hundredth; far out they are less sure."""
    for won, lost in ((30, 15), (60, 40), (300, 240), (40, 5)):
        leads = np.repeat([1, -1, 0], [won, lost, 100])
        exact = significance.sign_flip_p(leads)
        assert 0.99 * exact <= sign_flip_p(leads.astype(float)) <= max(1.1 * exact, 1e-6)


def test_no_p_value_is_0() -> None:
    assert 0 < sign_flip_p(np.ones(100_000)) < 1e-200
    assert sign_flip_p(np.zeros(10)) == 1


def test_the_interval_is_student_s_where_nothing_leans() -> None:
    values = np.array([-2.0, -1, 0, 1, 2]) + 0.5
    expected = stats.t.interval(0.95, 4, 0.5, stats.sem(values))
    assert Differences.of(values).bounds(0.05) == pytest.approx(expected)
    same = Differences.of(np.full(5, 0.25))
    assert same.bounds(0.05) == (0.25, 0.25)
    assert same.samples_to_decide(0.25, 0.05) is None


def test_a_long_tail_reaches_farther_to_its_side() -> None:
    values = np.random.default_rng(3).exponential(size=60)
    found = Differences.of(values)
    low, high = found.bounds(0.05)
    t_low, t_high = stats.t.interval(0.95, 59, values.mean(), stats.sem(values))
    assert low < t_low and high > t_high and high - found.change > found.change - low
    back = Differences.of(-values).bounds(0.05)
    assert back == pytest.approx((-high, -low))


SPREADS = {  # what samples differ by: few of many (a median file), squared errors, normal numbers
    "few": lambda random: np.where(random.random(64) < 0.05, random.normal(0, 0.5, 64), 0),
    "squares": lambda random: random.normal(size=64) ** 4 - 3,
    "normal": lambda random: random.normal(size=64),
}


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("seed", range(5))
def test_the_samples_that_would_decide_do(spread: str, seed: int) -> None:
    """What 64 samples leave undecided needs more; of so many times these samples it is decided."""
    values = SPREADS[spread](np.random.default_rng(seed))
    found = Differences.of(values)
    for end, outside in zip(found.bounds(0.05), (-1, 1), strict=True):
        null = end - 0.3 * outside * abs(end - found.change)  # inside the interval
        needed = found.samples_to_decide(null, 0.05)
        assert needed is not None and needed > 64
        times = -(-needed // 64)
        low, high = Differences.of(np.tile(values, 2 * times)).bounds(0.05)
        assert not low <= null <= high
        if times > 3:
            low, high = Differences.of(np.tile(values, times // 2)).bounds(0.05)
            assert low <= null <= high


def test_binary_scores_are_told_of_as_ever() -> None:
    random = np.random.default_rng(4)
    ours, theirs = (list((random.random((2, 50)) < p).astype(np.uint8)) for p in (0.8, 0.7))
    assert paired(ours, theirs) == Disagreement.of(ours, theirs)
    assert paired_p(ours, theirs) == significance.mcnemar_p(ours, theirs)
    assert crossed(ours, theirs) == CrossedMean.of(ours, theirs)
    assert metric_interval(ours) == accuracy_interval(ours)


@pytest.mark.parametrize("headline", NUMBERS, ids=lambda headline: headline.name)
@pytest.mark.parametrize("seeds", [1, 3])
def test_a_difference_is_that_of_the_metric(headline: Headline, seeds: int) -> None:
    ours, theirs = ([squares(s + i, scale=0.5) for s in range(seeds)] for i in (0, 10))
    values = [np.mean([headline.value(x) for x in each]) for each in (ours, theirs)]
    wanted = values[0] - values[1]
    found = paired_interval(ours, theirs, headline)
    assert found.value == pytest.approx(wanted)
    assert found.low < found.value < found.high
    back = paired_interval(theirs, ours, headline)
    assert back == pytest.approx((-found.value, -found.high, -found.low))
    assert 0 < paired_p(ours, theirs, headline) == paired_p(theirs, ours, headline) <= 1
    alone = metric_interval(ours, headline)
    assert alone.value == pytest.approx(np.mean([headline.value(x) for x in ours]))
    assert alone.low < alone.value < alone.high


@pytest.mark.parametrize("headline", NUMBERS, ids=lambda headline: headline.name)
def test_better_is_where_the_metric_says(headline: Headline) -> None:
    large, small = {0: squares(1, scale=0.9), 1: squares(2, scale=0.9)}, {}
    small = {seed: 0.5 * each for seed, each in large.items()}
    found = between(small, large, headline=headline)
    assert found is not None and found.technique is not None
    assert found.files.value < 0 and found.technique.high < 0
    assert found.side == found.files_side == (1 if headline.better == "lower" else -1)
    back = between(large, small, headline=headline)
    assert back is not None and back.side == -found.side


@pytest.mark.parametrize("headline", NUMBERS, ids=lambda headline: headline.name)
def test_a_loss_is_judged_in_the_metric_s_direction(headline: Headline) -> None:
    base, worse = squares(1), 1.2 * squares(1) + 0.01 * squares(5)
    if headline.better == "higher":
        base, worse = worse, base
    lost = abs(paired_interval([worse], [base], headline).value)
    assert headline.gain(paired_interval([worse], [base], headline).value) < 0
    for limit, expected in ((1.5 * lost, Standing.WITHIN), (0.5 * lost, Standing.BEYOND)):
        assert judge(paired([worse], [base], headline), limit, 3, headline).standing is expected
    at = judge(paired([worse], [base], headline), lost * 1.01, 3, headline)
    assert at.standing is Standing.UNDECIDED and at.keeps_by_estimate
    assert at.samples_to_decide is not None and at.samples_to_decide > len(base)
    gained = judge(paired([base], [worse], headline), 0.01 * lost, 3, headline)
    assert gained.standing is Standing.WITHIN


def test_a_limit_of_1_is_none_only_of_a_share() -> None:
    base, worse = squares(1), 25 * squares(1)
    assert judge(paired([worse], [base], RMSE), 1.0, 1, RMSE).standing is Standing.BEYOND
    all_lost = paired([base * 0], [worse / 50], PRECISION)
    assert judge(all_lost, 1.0, 1, PRECISION).standing is Standing.WITHIN


def test_unpaired_numbers_are_welch_s() -> None:
    a, b = squares(1, 100), squares(2, 300)[50:]
    found = changes.unpaired([a], [b], BITS)
    theirs: Any = stats.ttest_ind(b, a, equal_var=False)
    assert found.p_value == pytest.approx(theirs.pvalue)
    assert found.interval[1:] == pytest.approx(theirs.confidence_interval(0.95))
    same = changes.unpaired([np.ones(5)], [np.ones(5)], BITS)
    assert same.p_value == 1


@pytest.mark.parametrize("headline", [RMSE, PRECISION], ids=lambda headline: headline.name)
def test_the_front_knows_which_side_is_better(headline: Headline) -> None:
    times = {launch: 0.001 * launch for launch in range(5)}
    small, large = squares(1, scale=0.5), squares(1, scale=0.9)
    good, bad = (small, large) if headline.better == "lower" else (large, small)
    found = front(
        [Contender("good", {0: good}, times, 900.0), Contender("bad", {0: bad}, times, 1000.0)],
        0.01,
        headline=headline,
    )
    assert found.members == {"good"} and found.beaten_by == {"bad": "good"}
    apart = front(
        [Contender("good", {0: good}, times, 1000.0), Contender("bad", {1: bad}, times, 900.0)],
        0.01,
        headline=headline,
    )
    assert apart.beaten_by == {}  # no seed is in both: nothing is shown of their quality


def test_a_root_s_numbers_have_it_as_their_mean() -> None:
    scores = squares(7)
    assert RMSE.per_sample(scores).mean() == pytest.approx(RMSE.value(scores))
    assert metric_interval([np.zeros(9)], RMSE) == (0, 0, 0)
    few = metric_interval([np.array([0.0, 0, 0, 9])], RMSE)
    assert few.low == 0  # a root is never below


LOSSES = [
    (ACCURACY, "1pp", Loss(0.01), "1 pp"),
    (ACCURACY, "2%", Loss(0.02), "2 pp"),
    (ACCURACY, 0.005, Loss(0.005), "0.5 pp"),
    (ACCURACY, None, Loss(0.01), "1 pp"),
    (RMSE, "2%", Loss(0.02, True), "2 % of the baseline's RMSE"),
    (RMSE, "0.05", Loss(0.05), "0.05 eV"),
    (RMSE, 3, Loss(3.0), "3 eV"),
    (RMSE, None, Loss(0.01, True), "1 % of the baseline's RMSE"),
]


@pytest.mark.parametrize(("headline", "said", "loss", "text"), LOSSES)
def test_what_may_be_lost_is_said_in_the_metric_s_way(
    headline: Headline, said: str | float | None, loss: Loss, text: str
) -> None:
    found = headline.loss(said)
    assert found == loss and headline.loss_text(found) == text
    assert headline.loss(found.recorded) == found
    assert loss.of(4.0) == (4 * loss.most if loss.is_relative else loss.most)


@pytest.mark.parametrize(
    ("headline", "said", "hint"),
    [
        (RMSE, "1pp", "'1pp' should be a number of eV, since the metric is RMSE, or such a share"),
        (RMSE, "-1", "'-1' should be a number of eV"),
        (ACCURACY, "5", "'5' should be percentage points such as 1pp, or 0 to 1: write 5pp"),
        (BITS, "0.1 nats", "'0.1 nats' should be a number of bits"),
    ],
)
def test_what_is_none_of_the_metric_is_refused(headline: Headline, said: str, hint: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(hint)}.*$"):
        headline.loss(said)


def test_exhaustive_signs_stay_few() -> None:
    assert 2**differences._EXACT <= 50_000  # pyright: ignore[reportPrivateUsage]
