from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compbench.gate import paired_timing
from compbench.gate.check import Verdict
from compbench.gate.paired_timing import Comparison, Limits, comparison, judged, verdict
from compbench.measure.turns import SAME_MODEL
from compbench.runtime.target import Target
from compbench.statistics.intervals import Interval
from tests.factory import exactly

LIMITS = Limits()
BINARY = Limits(slower=1.5, half_width=0.25, control=0.125)  # exact in floating point
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


def judge(first: list[float], second: list[float]) -> tuple[Comparison, list[int]]:
    asked: list[int] = []

    def launches(before: int) -> list[dict[str, Any]]:
        asked.append(before)
        return [launched(ratio) for ratio in (second if before else first)]

    return judged(launches, LIMITS), asked


@pytest.mark.parametrize(
    ("ratio", "control", "expected"),
    [
        (exactly(1), 1, "PASS"),
        (exactly(0.5), 1, "PASS"),
        (exactly(1.5), 1, "PASS"),  # just allowed
        (exactly(np.nextafter(1.5, 2)), 1, "FAIL"),
        (Interval(1.6, np.nextafter(1, 2), 9), 1, "FAIL"),  # noisy, but all of it is slower
        (Interval(1, 0.75, 1.25), 1, "PASS"),
        (Interval(1, 0.75, np.nextafter(1.25, 2)), 1, "INCONCLUSIVE"),
        (Interval(0.5, 0.1, 0.9), 1, "INCONCLUSIVE"),
        (Interval(1.6, 0.9, 2.3), 1, "INCONCLUSIVE"),
        (exactly(1), 1.125, "PASS"),
        (exactly(1), 0.875, "PASS"),
        (exactly(1), np.nextafter(1.125, 2), "INCONCLUSIVE"),
        (exactly(1), np.nextafter(0.875, 0), "INCONCLUSIVE"),
        (exactly(2), 1.2, "INCONCLUSIVE"),  # no verdict of a machine that disagrees with itself
    ],
)
def test_a_verdict_follows_the_limits(ratio: Interval, control: float, expected: str) -> None:
    assert verdict(ratio, exactly(control), BINARY) == expected


@pytest.mark.parametrize(
    ("first", "second", "expected", "asked"),
    [
        ([1.0] * 5, [], "PASS", [0]),
        ([0.5] * 5, [], "PASS", [0]),
        ([0.96, 1.04, 0.96, 1.04, 1.0], [1.0] * 5, "PASS", [0, 5]),
        ([0.9, 1.1, 0.9, 1.1, 1.0], [1.0] * 5, "INCONCLUSIVE", [0, 5]),
        ([0.96, 1.04, 0.96, 1.04, 1.0], [1.1] * 5, "FAIL", [0, 5]),
        ([1.1] * 5, [1.1] * 5, "FAIL", [0, 5]),
        ([1.03] * 5, [1.0] * 5, "PASS", [0, 5]),
        ([1.1] * 5, [1.0] * 5, "INCONCLUSIVE", [0, 5]),  # together FAIL, but not both halves
        ([1.1] * 5, [1.0, 1.3, 1.0, 1.2, 0.9], "INCONCLUSIVE", [0, 5]),
    ],
)
def test_a_comparison_is_extended_and_a_failure_must_repeat_itself(
    first: list[float], second: list[float], expected: str, asked: list[int]
) -> None:
    found, launches = judge(first, second)
    assert found.verdict == expected
    assert launches == asked
    assert found.launches == len(first) + len(second)
    ratio = np.exp(np.mean(np.log([*first, *second])))
    assert found.ratio.value == pytest.approx(ratio, rel=1e-12)


intervals = st.tuples(st.floats(0.5, 2), st.floats(0, 0.6), st.floats(0, 0.6)).map(
    lambda x: Interval(x[0], x[0] - x[1], x[0] + x[2])
)


@settings(deadline=None)
@given(ratio=intervals, control=st.floats(0.9, 1.1))
def test_what_is_too_noisy_or_has_an_unequal_control_never_passes(
    ratio: Interval, control: float
) -> None:
    noisy = (ratio.high - ratio.low) / 2 > LIMITS.half_width
    if noisy or abs(control - 1) > LIMITS.control:
        assert verdict(ratio, exactly(control), LIMITS) != Verdict.PASS
    elif ratio.value <= LIMITS.slower:
        assert verdict(ratio, exactly(control), LIMITS) is Verdict.PASS
    elif ratio.low > 1:
        assert verdict(ratio, exactly(control), LIMITS) is Verdict.FAIL


@settings(deadline=None)
@given(
    ratios=st.lists(st.floats(0.9, 1.15), min_size=10, max_size=10),
    spread=st.sampled_from([0.0, 0.05, 0.3, 1.0]),
    control=st.sampled_from([0.97, 0.99, 1.0, 1.01, 1.03]),
)
def test_a_pass_was_precise_and_within_what_is_allowed(
    ratios: list[float], spread: float, control: float
) -> None:
    near = [ratios[0] + spread * (ratio - ratios[0]) for ratio in ratios]
    taken = [launched(ratio, control) for ratio in near]
    found = judged(lambda before: taken[before : before + 5], LIMITS)
    if found.verdict is Verdict.PASS:
        assert found.ratio.value <= LIMITS.slower
        assert (found.ratio.high - found.ratio.low) / 2 <= LIMITS.half_width
        assert abs(found.control.value - 1) <= LIMITS.control
    if found.verdict is Verdict.FAIL:
        assert found.ratio.value > LIMITS.slower and found.launches == 10


@pytest.mark.parametrize(("ratio", "control"), [(1.25, 1.0), (0.5, 1.01), (3.0, 0.99)])
def test_constant_times_give_the_exact_ratio(ratio: float, control: float) -> None:
    clocks = (1_000_000, 2_000_000, 500_000)  # other launches, other speeds
    found = comparison([launched(ratio, control, ns) for ns in clocks], LIMITS)
    assert found.ratio == pytest.approx((ratio, ratio, ratio), rel=1e-12)
    assert found.control == pytest.approx((control, control, control), rel=1e-12)
    assert found.launches == 3


def test_a_comparison_launches_both_files_and_the_baseline_again(monkeypatch) -> None:
    specs = []

    def launch(spec: Any, images: np.ndarray) -> dict[str, Any]:
        specs.append((spec, images))
        ratio = 1 if len(specs) < 3 else 1.2
        return {"latency": launched(ratio), "throughput": {}, "machine": {}}

    monkeypatch.setattr(paired_timing, "launch", launch)
    images, target = np.zeros((2, 10), np.float32), Target(threads=2)
    found = paired_timing.compare(("new.onnx", "old.onnx"), target, images, LIMITS, seed=7)
    assert found.launches == 10
    assert [spec.seed for spec, _ in specs] == list(range(7, 17))
    for spec, given_images in specs:
        arms = {"candidate": "new.onnx", "baseline": "old.onnx", "control": "old.onnx"}
        assert spec.arms == arms
        assert (spec.target, spec.turns, spec.throughput) == (target, SAME_MODEL, False)
        assert given_images is images
