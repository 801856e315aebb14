from __future__ import annotations

import numpy as np
import pytest

from compbench.statistics.percentiles import percentile, stretches


def launches(count: int = 5, runs: int = 300, seed: int = 0) -> dict[int, np.ndarray]:
    random = np.random.default_rng(seed)
    return {i: (1e6 * random.lognormal(0, 0.05, runs)).astype(np.int64) for i in range(count)}


def test_runs_of_one_stretch_of_noise_count_once() -> None:
    span_ns = {0: 2_000_000_000, 1: 500_000_000}
    assert stretches({0: 1_000, 1: 1_000}, span_ns) == 20 + 5
    assert stretches({0: 7, 1: 2}, span_ns) == 9  # nor does one turn count twice
    assert stretches({1: 4}, span_ns) == 4


@pytest.mark.parametrize(("share", "least"), [(0.9, 100), (0.99, 1_000)])
def test_ten_stretches_must_lie_beyond(share: float, least: int) -> None:
    """662 runs once were enough for a p99, and 64 for a p90."""
    assert percentile(launches(), least * 1.001, share) is not None
    assert percentile(launches(), least * 0.99, share) is None


def test_it_is_the_quantile_of_all_runs_within_its_interval() -> None:
    taken = launches()
    found = percentile(taken, 500, 0.9)
    assert found is not None
    assert found.value == np.quantile(np.concatenate([*taken.values()]), 0.9)
    assert found.low < found.value < found.high
    wide = percentile(taken, 100.1, 0.9)  # as many runs of a shorter time tell less
    assert wide is not None and wide.low < found.low and wide.high > found.high


def test_what_is_slow_in_some_launches_only_makes_it_uncertain() -> None:
    alike, apart = launches(), launches()
    for i in (0, 1):
        apart[i][:90] *= 2
    calm, torn = (percentile(taken, 1_000, 0.9) for taken in (alike, apart))
    assert calm is not None and torn is not None
    assert torn.high / torn.low > 1.5 > calm.high / calm.low
    apart[0] *= 2  # all of it: nobody knows what a sixth launch would be
    assert percentile(apart, 1_000, 0.9) is None


@pytest.mark.parametrize("count", [0, 1])
def test_it_needs_two_launches(count: int) -> None:
    assert percentile(launches(count), 1e9, 0.9) is None


def test_an_interval_that_goes_beyond_the_slowest_run_is_none() -> None:
    assert percentile(launches(runs=12), 1e9, 0.99) is None


def test_equal_times_have_no_width() -> None:
    taken = {i: np.full(300, 1_000, np.int64) for i in range(5)}
    assert percentile(taken, 1e9, 0.9) == (1_000, 1_000, 1_000)
