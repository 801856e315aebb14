from __future__ import annotations

from dataclasses import replace

import pytest

from compbench.statistics.intervals import Interval
from compbench.statistics.noninferiority import Standing
from compbench.statistics.paired_proportions import Disagreement
from compbench.statistics.pick import Choice, Constraints, pick, sentence
from compbench.statistics.summarise import summarise
from compbench.statistics.summary import Summary
from tests.factory import RUN, RUN_ROWS, TARGET, exactly, make_run, make_summaries

MANY = 100_000


def counted(accuracy: float, samples: int = MANY) -> Disagreement:
    """Of a variant beside the baseline's 0.9, with which it disagrees no more than it must."""
    lead = round((accuracy - 0.9) * samples)
    return Disagreement(max(0, lead), max(0, -lead), samples)


def summary(
    name: str,
    speedup: Interval | None,
    validation: float | None = 0.9,
    size_bytes: int = 1000,
    faster: int = 1,
    p50_ns: float = 1e6,
) -> Summary:
    return Summary(
        name,
        TARGET,
        speedup=speedup,
        validation_quality=validation,
        validation=None if validation is None else counted(validation),
        size_bytes=size_bytes,
        faster=faster,
        p50_ns=p50_ns,
    )


BASELINE = summary("teacher", exactly(1), 0.9, 4000, faster=0)
TWICE = Interval(2, 1.9, 2.1)


def taken(*others: Summary, max_drop: float = 0.01) -> Choice | None:
    run = make_run(pick={"max_drop": max_drop})
    return pick(run, make_summaries(BASELINE, *others), TARGET)


def names_taken(*others: Summary, max_drop: float = 0.01) -> str:
    choice = taken(*others, max_drop=max_drop)
    assert choice is not None and choice.taken is not None
    assert choice.is_baseline is (choice.taken.variant == "teacher")
    assert {choice.taken.variant, *choice.excluded} == {"teacher", *(s.variant for s in others)}
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
        (0.901, 0, "fast"),
        (0.9, 0, "teacher"),
        (0.899, 0, "teacher"),
        (0.0, 1, "fast"),
        (0.891, 0.01, "fast"),
        (0.8905, 0.01, "teacher"),
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
        assert names_taken(replace(fast, quality=exactly(accuracy))) == "fast"


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
def test_a_speed_that_noise_explains_is_no_lead(faster: int) -> None:
    level = summary("level", TWICE, size_bytes=5000, faster=faster)
    assert names_taken(level) == "teacher"
    assert names_taken(level, summary("fast", Interval(1.5, 1.4, 1.6))) == "fast"


@pytest.mark.parametrize(
    ("size_bytes", "expected"), [(3900, "level"), (3999, "teacher"), (4000, "teacher")]
)
def test_of_what_is_as_fast_as_the_baseline_the_smallest_is_taken(
    size_bytes: int, expected: str
) -> None:
    level = summary("level", exactly(1), size_bytes=size_bytes, faster=0)
    assert names_taken(level) == expected
    slower = replace(level, variant="slower", speedup=exactly(0.5), size_bytes=1, faster=-1)
    assert names_taken(slower, level) == expected


SMALL = summary("small", TWICE, size_bytes=100, p50_ns=2e6)
FAST = summary("fast", Interval(3, 2.9, 3.1), size_bytes=3000, p50_ns=1e6)


@pytest.mark.parametrize(
    ("constraints", "expected", "excluded"),
    [
        (
            Constraints(),
            "fast",
            {
                "teacher": {"slower": "the baseline"},
                "small": {"slower": "2.00× (1.90–2.10) faster than teacher"},
            },
        ),
        (
            Constraints(max_bytes=200),
            "small",
            {"teacher": {"bytes": "4.00 KB"}, "fast": {"bytes": "3.00 KB"}},
        ),
        (
            Constraints(max_latency_ns=1e6),
            "fast",
            {"small": {"latency": "2.00 ms"}, "teacher": {"slower": "the baseline"}},
        ),
        (
            Constraints(max_bytes=200, max_latency_ns=1e6),
            None,
            {
                "teacher": {"bytes": "4.00 KB"},
                "small": {"latency": "2.00 ms"},
                "fast": {"bytes": "3.00 KB"},
            },
        ),
    ],
)
def test_each_constraint_excludes_and_is_named(
    constraints: Constraints, expected: str | None, excluded: dict[str, dict[str, str]]
) -> None:
    choice = pick(make_run(), make_summaries(BASELINE, SMALL, FAST), TARGET, constraints)
    assert choice is not None
    assert (choice.taken and choice.taken.variant) == expected
    assert choice.excluded == excluded
    assert sum(choice.counts().values()) == sum(map(len, excluded.values()))


def test_where_even_the_baseline_is_too_large_the_fastest_of_the_rest_is_taken() -> None:
    slow = summary("slow", Interval(0.5, 0.4, 0.6), size_bytes=100, faster=-1)
    slower = summary("slower", exactly(0.1), size_bytes=50, faster=-1)
    limits = Constraints(max_bytes=200)
    choice = pick(make_run(), make_summaries(BASELINE, slow, slower), TARGET, limits)
    assert choice is not None and choice.taken is slow


def test_constraints_are_those_of_the_suite() -> None:
    run = make_run(pick={"max_drop": 0.02, "max_bytes": 2e5, "max_latency": 5e5, "target": None})
    found = Constraints.of(run)
    assert found == Constraints(0.02, 2e5, 5e5)
    assert found.said("the baseline") == (
        "at most 2 pp below the baseline and at most 200 KB and at most 500 µs an inference"
    )
    assert Constraints.of(make_run(pick={"max_drop": 0.01})) == Constraints()  # of an old run


def test_what_failed_is_not_taken() -> None:
    assert names_taken(Summary("broken", TARGET, reason="failed: no memory")) == "teacher"
    assert names_taken() == "teacher"


@pytest.mark.parametrize(
    "baseline",
    [
        Summary("teacher", TARGET, reason="failed: no memory"),
        replace(BASELINE, speedup=None),
        replace(BASELINE, validation=None),
    ],
)
def test_without_a_baseline_there_is_no_answer(baseline: Summary) -> None:
    summaries = make_summaries(baseline, summary("fast", TWICE))
    assert pick(make_run(), summaries, TARGET) is None


def test_what_is_not_shown_is_a_guess_and_the_baseline_stays() -> None:
    few = replace(summary("fast", TWICE), validation=counted(0.895, 288))
    choice = taken(few)
    assert choice is not None and choice.is_baseline and not choice.is_sure
    assert choice.guess is few
    drop = choice.drops["fast"]
    assert drop.standing is Standing.UNDECIDED
    assert drop.samples_to_decide is not None and drop.samples_to_decide > 288
    assert "undecided" in choice.excluded["fast"]
    assert sentence(make_run(), make_summaries(BASELINE, few), TARGET, choice).startswith(
        f"{TARGET}: nothing that is better is shown to be at most 1 pp below teacher; best guess: "
    )


def test_what_looks_worse_than_the_limit_is_no_guess_though_it_may_be_within() -> None:
    few = replace(summary("fast", TWICE), validation=counted(0.885, 288))
    choice = taken(few)
    assert choice is not None and choice.is_baseline and choice.guess is None


def test_a_faster_guess_stands_beside_what_is_sure() -> None:
    sure = summary("sure", TWICE)
    few = replace(summary("fast", Interval(3, 2.9, 3.1)), validation=counted(0.9, 288))
    choice = taken(sure, few)
    assert choice is not None and choice.taken is sure and choice.is_sure
    assert choice.guess is few


def test_many_candidates_on_one_split_need_more_samples() -> None:
    """The best of many looks better than it is: each is judged as one of them."""
    one = summary("0", TWICE)
    split = replace(one, validation=counted(0.9, 500))
    assert (found := taken(split)) and found.taken is split
    many = [split, *(replace(split, variant=str(i)) for i in range(1, 9))]
    assert (found := taken(*many)) and found.is_baseline and found.guess
    slow = [replace(s, faster=-1, size_bytes=9000) for s in many[1:]]
    assert (found := taken(split, *slow)) and found.taken is split  # these would never be taken


@pytest.mark.parametrize(("max_drop", "expected"), [(0.01, "teacher"), (0.5, "student")])
def test_a_choice_is_made_from_rows(max_drop: float, expected: str) -> None:
    run = make_run(pick={"max_drop": max_drop})
    choice = pick(run, summarise(RUN, RUN_ROWS), TARGET)
    assert choice is not None and choice.taken is not None
    assert choice.taken.variant == expected
