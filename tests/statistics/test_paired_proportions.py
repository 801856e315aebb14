"""The score test of a paired difference: its level, its ends, what many seeds add to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from compbench.statistics.paired_proportions import Disagreement


@st.composite
def disagreements(draw):
    samples = draw(st.integers(1, 400))
    ours = draw(st.integers(0, samples))
    return Disagreement(ours, draw(st.integers(0, samples - ours)), samples)


@given(disagreements(), st.sampled_from([0.05, 0.05 / 30, 1e-5]))
def test_the_ends_are_where_the_score_is_the_level_s(found, alpha):
    low, high = found.bounds(alpha)
    z = stats.norm.isf(alpha / 2)
    assert -1 <= low <= found.change <= high <= 1
    for end, score in ((low, z), (high, -z)):
        if abs(end) < 1:
            assert found.score(end) == pytest.approx(score, abs=1e-3)


@given(disagreements())
def test_sides_mirror_each_other(found):
    low, high = found.bounds(0.05)
    mirrored = Disagreement(found.theirs, found.ours, found.samples).bounds(0.05)
    assert mirrored == pytest.approx((-high, -low), abs=1e-6)


@pytest.mark.parametrize("samples", [288, 360, 6000])
@pytest.mark.parametrize("share", [1, 8, 30, 300])
def test_a_drop_at_the_limit_is_called_smaller_no_more_often_than_the_level(samples, share):
    """Exact: every outcome with its probability, over all shares of samples that disagree."""
    limit, alpha = 0.01, 0.05 / share
    z = stats.norm.isf(alpha)
    for ours in (0.0, 0.002, 0.01, 0.05):
        theirs = ours + limit
        lost = np.arange(float(stats.binom.ppf(1e-8, samples, theirs)), samples * theirs + 1)
        rate = 0.0
        for c in lost:
            left = int(samples - c), ours / (1 - theirs)
            b = np.arange(0, float(stats.binom.isf(1e-8, *left)) + 2)
            called = [Disagreement(x, c, samples).score(-limit) > z for x in b]
            chance = np.asarray(stats.binom.pmf(b, *left), float)[called].sum()
            rate += float(stats.binom.pmf(c, samples, theirs)) * float(chance)
        assert rate < 1.15 * alpha


def test_as_many_samples_as_it_says_decide():
    found = Disagreement(2, 3, 288)
    needed = found.samples_to_decide(-0.01, 0.05)
    assert needed is not None and needed > 288
    for times, is_decided in ((0.95, False), (1.05, True)):
        scale = times * needed / 288
        larger = Disagreement(2 * scale, 3 * scale, round(288 * scale))
        assert (larger.bounds(0.05)[0] > -0.01) is is_decided


def test_no_number_of_samples_decides_what_lies_at_the_limit():
    assert Disagreement(0, 3, 300).samples_to_decide(-0.01, 0.05) is None


def test_seeds_share_the_samples():
    random = np.random.default_rng(0)
    baseline = [random.integers(0, 2, 500).astype(np.uint8)] * 3
    same = [random.integers(0, 2, 500).astype(np.uint8)] * 3
    own = [random.integers(0, 2, 500).astype(np.uint8) for _ in range(3)]
    once = Disagreement.of(same[:1], baseline[:1])
    assert Disagreement.of(same, baseline).bounds(0.05) == pytest.approx(once.bounds(0.05))
    low, high = Disagreement.of(own, baseline).bounds(0.05)
    assert high - low < once.bounds(0.05)[1] - once.bounds(0.05)[0]
