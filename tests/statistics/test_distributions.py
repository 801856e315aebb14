"""Against scipy.stats and scipy.optimize, whose imports this module is without."""

from __future__ import annotations

from math import copysign

import numpy as np
import pytest
from scipy import optimize, stats

from compbench.statistics import distributions, intervals, paired_proportions


@pytest.mark.parametrize("share", [1e-12, 0.025, 0.5, 0.975])
def test_quantiles_and_tails_are_scipys(share: float) -> None:
    z, t = float(stats.norm.ppf(share)), float(stats.t.ppf(share, 4))
    assert distributions.normal_quantile(share) == pytest.approx(z, rel=1e-12)
    assert distributions.t_quantile(share, 4) == pytest.approx(t, rel=1e-12)
    assert distributions.normal_tail(z) == pytest.approx(stats.norm.sf(z), rel=1e-12)
    assert distributions.t_tail(t, 4) == pytest.approx(stats.t.sf(t, 4), rel=1e-12)


def test_wilsons_interval_is_scipys() -> None:
    for count in (1, 10, 360):
        for right in range(count + 1):
            wanted = stats.binomtest(right, count).proportion_ci(0.95, "wilson")
            correct = (np.arange(count) < right).astype(np.uint8)
            found = intervals.accuracy_interval([correct])[1:]
            assert found == pytest.approx((wanted.low, wanted.high), abs=1e-12)


@pytest.mark.parametrize("score", [1.96, -1.96, 4.0])
def test_a_root_is_brents(score: float) -> None:
    found = paired_proportions.Disagreement(20, 60, 10_000)
    low, high = sorted((copysign(1 - 1e-12, -score), found.change))

    def off(null: float) -> float:
        return found.score(null) - score

    wanted = optimize.brentq(off, low, high, xtol=1e-12)
    assert distributions.root(off, low, high, within=1e-9) == pytest.approx(wanted, abs=1e-9)


def test_a_root_may_be_at_an_end_and_needs_a_change_of_sign() -> None:
    assert distributions.root(lambda x: x, 0, 1, 1e-9) == 0
    assert distributions.root(lambda x: x - 1, 0, 1, 1e-9) == 1
    with pytest.raises(ValueError, match="no change of sign"):
        distributions.root(lambda x: x + 1, 0, 1, 1e-9)
