from __future__ import annotations

from math import log, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compbench.contracts.inputs import Inputs
from compbench.gate import paired_timing
from compbench.gate.check import Verdict
from compbench.gate.paired_timing import (
    Comparison,
    Limits,
    LogRatios,
    comparison,
    judged,
    verdict,
)
from compbench.measure.turns import Turns
from compbench.runtime.target import Target
from compbench.statistics.intervals import Interval
from tests.factory import exactly

LIMITS = Limits()
BINARY = Limits(slower=1.5, control=0.125)  # exact in floating point
TURNS = 4


def columns(ns: int) -> dict[str, np.ndarray]:
    """Every turn a discarded run that counts for nothing, and two kept ones."""
    return {
        "duration_ns": np.tile(np.array([9 * ns, ns, ns], np.int64), TURNS),
        "turn": np.repeat(np.arange(TURNS, dtype=np.int32), 3),
        "kept": np.tile(np.array([0, 1, 1], np.uint8), TURNS),
    }


def launched(ratio: float, control: float = 1, baseline_ns: int = 1_000_000) -> dict[str, Any]:
    arms = {
        paired_timing.CANDIDATE: ratio,
        paired_timing.BASELINE: 1,
        paired_timing.CONTROL: control,
    }
    return {arm: columns(round(baseline_ns * times)) for arm, times in arms.items()}


def judge(ratios: list[float], control: float = 1) -> tuple[Comparison, list[int]]:
    """Launches with these ratios, in order, and how many were asked for each time."""
    left, asked = list(ratios), []

    def more(count: int) -> list[LogRatios]:
        asked.append(count)
        taken = [left.pop(0) for _ in range(count)]
        return [LogRatios(log(ratio), log(control)) for ratio in taken]

    return judged(more, LIMITS), asked


@pytest.mark.parametrize(
    ("ratio", "control", "expected"),
    [
        (exactly(1), exactly(1), "PASS"),
        (exactly(0.5), exactly(1), "PASS"),
        (exactly(1.5), exactly(1), "PASS"),  # just allowed
        (exactly(np.nextafter(1.5, 2)), exactly(1), "FAIL"),
        (Interval(1.6, np.nextafter(1.5, 2), 9), exactly(1), "FAIL"),  # noisy, but all is beyond
        (Interval(1.6, 1.5, 9), exactly(1), "INCONCLUSIVE"),
        (Interval(1, 0.1, 1.5), exactly(1), "PASS"),  # noisy, but all is within
        (Interval(1, 0.5, np.nextafter(1.5, 2)), exactly(1), "INCONCLUSIVE"),
        (exactly(1), exactly(1.125), "PASS"),
        (exactly(1), exactly(0.875), "PASS"),
        (exactly(1), exactly(np.nextafter(1.125, 2)), "INCONCLUSIVE"),
        (exactly(1), exactly(np.nextafter(0.875, 0)), "INCONCLUSIVE"),
        (exactly(2), exactly(1.2), "INCONCLUSIVE"),  # a machine that disagrees with itself
        (exactly(1), Interval(1.2, 0.9, 1.5), "PASS"),  # which it is not shown to do here
        (exactly(1), Interval(nan, nan, nan), "INCONCLUSIVE"),
        (Interval(nan, nan, nan), exactly(1), "INCONCLUSIVE"),
    ],
)
def test_the_interval_decides(ratio: Interval, control: Interval, expected: str) -> None:
    assert verdict(ratio, control, BINARY) == expected


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        (Interval(1.0, 0.96, 1.04), "PASS"),
        (Interval(1.19, 1.17, 1.21), "INCONCLUSIVE"),
        (Interval(1.3, 1.21, 1.4), "FAIL"),
    ],
)
def test_a_wide_limit_is_kept_by_a_wide_interval(ratio: Interval, expected: str) -> None:
    assert verdict(ratio, exactly(1), Limits(slower=1.2)) == expected


NOISY = [0.96, 1.04, 0.96, 1.04, 1.0]
MILD = [1.01, 1.08, 1.01, 1.08, 1.06]
SLOW = [1.04, 1.06, 1.05, 1.05, 1.05]


@pytest.mark.parametrize(
    ("ratios", "expected", "asked", "rests_on"),
    [
        ([1.0] * 5, "PASS", [5], 5),
        ([0.5] * 5, "PASS", [5], 5),
        ([*NOISY, *[0.99] * 5], "PASS", [5, 5], 10),
        ([0.9, 1.1, 0.9, 1.1, 1.0, *[1.0] * 5], "INCONCLUSIVE", [5, 5], 10),
        ([*SLOW, *SLOW, *SLOW], "FAIL", [5, 10], 10),
        ([*MILD, *[1.07] * 5, *SLOW, *SLOW], "FAIL", [5, 5, 10], 10),
        ([*SLOW, *[1.0] * 10], "INCONCLUSIVE", [5, 10], 15),
        ([*MILD, *[1.07] * 5, *[1.0] * 10], "INCONCLUSIVE", [5, 5, 10], 20),
        ([*[1.1] * 5, *NOISY, *NOISY], "INCONCLUSIVE", [5, 10], 15),
    ],
)
def test_what_is_undecided_is_extended_and_a_failure_must_repeat_itself_alone(
    ratios: list[float], expected: str, asked: list[int], rests_on: int
) -> None:
    found, launches = judge(ratios)
    assert found.verdict == expected
    assert launches == asked
    assert found.launches == rests_on
    mean = np.exp(np.mean(np.log(ratios[-rests_on:])))
    assert found.ratio.value == pytest.approx(mean, rel=1e-12)


def test_no_launch_of_an_undecided_first_try_is_in_a_failure() -> None:
    """Five were undecided, the next five alone would pass, and all ten fail: that is no FAIL."""
    second = [1.024] * 5
    found, asked = judge([*MILD, *[1.07] * 5, *second, *second])
    assert asked == [5, 5, 10]
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.note == "it failed at first, and not when it was measured again"


def test_a_verdict_says_what_it_lacks() -> None:
    assert judge([1.0] * 5)[0].note == ""
    assert judge([*SLOW, *SLOW, *SLOW])[0].note == "measured again, after 5 that failed as well"
    undecided, _ = judge([0.97, 1.05, 0.98, 1.06, 1.0] * 2)
    assert undecided.note == "about 34 would decide"
    assert judge([1.0, 1.0501] * 5)[0].note == "more than 9,999 would decide"
    off, _ = judge([1.0] * 10, control=1.03)
    assert off.note == "the machine disagrees with itself by more than 2%"


@settings(deadline=None)
@given(
    ratios=st.lists(st.floats(0.9, 1.15), min_size=20, max_size=20),
    spread=st.sampled_from([0.0, 0.05, 0.3, 1.0]),
    control=st.sampled_from([0.97, 0.99, 1.0, 1.01, 1.03]),
)
def test_no_verdict_is_given_against_the_interval(
    ratios: list[float], spread: float, control: float
) -> None:
    near = [ratios[0] + spread * (ratio - ratios[0]) for ratio in ratios]
    found, asked = judge(near, control)
    if found.verdict is Verdict.PASS:
        assert found.ratio.high <= LIMITS.slower
        assert abs(found.control.value - 1) <= LIMITS.control + 1e-12
    if found.verdict is Verdict.FAIL:
        assert found.ratio.low > LIMITS.slower
        assert (asked[-1], found.launches) == (10, 10)
    assert bool(found.note) == (found.verdict is not Verdict.PASS)


@pytest.mark.parametrize(("ratio", "control"), [(1.25, 1.0), (0.5, 1.01), (3.0, 0.99)])
def test_constant_times_give_the_exact_ratio(ratio: float, control: float) -> None:
    clocks = (1_000_000, 2_000_000, 500_000)  # other launches, other speeds
    found = comparison([launched(ratio, control, ns) for ns in clocks], LIMITS)
    assert found.ratio == pytest.approx((ratio, ratio, ratio), rel=1e-12)
    assert found.control == pytest.approx((control, control, control), rel=1e-12)
    assert found.launches == 3


def test_a_comparison_launches_both_files_and_the_baseline_again(monkeypatch) -> None:
    specs = []

    def launch(spec: Any, images: Inputs) -> dict[str, Any]:
        specs.append((spec, images))
        return {"latency": launched(1.2), "throughput": {}, "machine": {}}

    monkeypatch.setattr(paired_timing, "launch", launch)
    images, target = {"x": np.zeros((2, 10), np.float32)}, Target(threads=2)
    found = paired_timing.time_both(("new.onnx", "old.onnx"), target, images, LIMITS, seed=7)
    assert (found.comparison.verdict, found.comparison.launches) == ("FAIL", 10)
    assert len(found.launches) == 15  # those that the failure was found in are kept as well
    assert [spec.seed for spec, _ in specs] == list(range(7, 22))
    for spec, given_images in specs:
        arms = {"candidate": "new.onnx", "baseline": "old.onnx", "control": "old.onnx"}
        assert spec.arms == arms
        # turns as a report's: single runs on a cold cache would dilute a slowdown
        assert (spec.target, spec.turns, spec.throughput) == (target, Turns(), False)
        assert given_images is images
