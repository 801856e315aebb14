from __future__ import annotations

from dataclasses import replace

import pytest

from compbench.intervals import Interval
from compbench.pick import Choice, pick
from compbench.stats import Summary, summarise
from tests.factory import RUN, RUN_ROWS, TARGET, exactly, make_run, make_summaries


def summary(
    name: str,
    speedup: Interval | None,
    validation: float | None = 0.9,
    size_bytes: int = 1000,
    faster: int = 1,
) -> Summary:
    return Summary(
        name,
        TARGET,
        speedup=speedup,
        validation_accuracy=validation,
        size_bytes=size_bytes,
        faster=faster,
    )


BASELINE = summary("teacher", exactly(1), 0.9, 4000, faster=0)
TWICE = Interval(2, 1.9, 2.1)


def taken(*others: Summary, max_drop: float = 0.01) -> Choice | None:
    run = make_run(pick={"max_drop": max_drop})
    return pick(run, make_summaries(BASELINE, *others), TARGET)


def names_taken(*others: Summary, max_drop: float = 0.01) -> str:
    choice = taken(*others, max_drop=max_drop)
    assert choice is not None
    assert choice.is_baseline is (choice.taken.variant == "teacher")
    return choice.taken.variant


def test_the_fastest_is_taken() -> None:
    slow, fast = summary("slow", TWICE), summary("fast", Interval(3, 2.9, 3.1), size_bytes=3000)
    assert names_taken(slow, fast) == "fast"
    assert names_taken(fast, slow) == "fast"


@pytest.mark.parametrize(
    ("validation", "max_drop", "expected"),
    [
        (0.895, 0.01, "fast"),
        (0.885, 0.01, "teacher"),
        (0.885, 0.02, "fast"),
        (0.9, 0, "fast"),
        (0.899, 0, "teacher"),
        (0.0, 1, "fast"),
        (None, 0.01, "teacher"),
    ],
)
def test_the_accuracy_lost_is_within_the_constraint(
    validation: float | None, max_drop: float, expected: str
) -> None:
    fast = summary("fast", TWICE, validation)
    assert names_taken(fast, max_drop=max_drop) == expected


def test_test_accuracy_decides_nothing() -> None:
    fast = summary("fast", TWICE)
    for accuracy in (0.0, 1.0):
        assert names_taken(replace(fast, accuracy=exactly(accuracy))) == "fast"


@pytest.mark.parametrize(
    ("fastest", "expected"),
    [
        (Interval(2.2, 2.05, 2.3), "small"),  # 2.1, where the smaller one ends, can't be told apart
        (Interval(2.2, 2.1, 2.3), "small"),
        (Interval(2.2, 2.11, 2.3), "large"),
    ],
)
def test_of_equally_fast_ones_the_smallest_is_taken(fastest: Interval, expected: str) -> None:
    small, large = summary("small", TWICE), summary("large", fastest, size_bytes=2000)
    assert names_taken(small, large) == expected
    assert names_taken(large, small) == expected


@pytest.mark.parametrize("faster", [0, -1])
def test_what_is_not_measurably_faster_is_not_taken(faster: int) -> None:
    assert names_taken(summary("small", TWICE, size_bytes=1, faster=faster)) == "teacher"


def test_what_failed_is_not_taken() -> None:
    assert names_taken(Summary("broken", TARGET, reason="failed: no memory")) == "teacher"
    assert names_taken() == "teacher"


@pytest.mark.parametrize(
    "baseline",
    [
        Summary("teacher", TARGET, reason="failed: no memory"),
        replace(BASELINE, speedup=None),
        replace(BASELINE, validation_accuracy=None),
    ],
)
def test_without_a_baseline_there_is_no_answer(baseline: Summary) -> None:
    summaries = make_summaries(baseline, summary("fast", TWICE))
    assert pick(make_run(), summaries, TARGET) is None


@pytest.mark.parametrize(("max_drop", "expected"), [(0.01, "teacher"), (0.25, "student")])
def test_a_choice_is_made_from_rows(max_drop: float, expected: str) -> None:
    run = make_run(pick={"max_drop": max_drop})
    choice = pick(run, summarise(RUN, RUN_ROWS), TARGET)
    assert choice is not None
    assert choice.taken.variant == expected
