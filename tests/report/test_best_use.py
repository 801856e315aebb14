from __future__ import annotations

from typing import Any

import pytest

from compbench.report.best_use import best_uses
from compbench.statistics.intervals import Interval
from compbench.statistics.paired_proportions import Disagreement
from compbench.statistics.pick import pick
from compbench.statistics.summary import Summary
from tests.factory import TARGET, exactly, lineage, make_run, make_summaries

RUN = make_run(
    {"teacher": lineage(), "a": lineage("prune_channels", "teacher"), "b": lineage("x", "a")}
)


def summary(name: str, **figures: Any) -> Summary:
    """As accurate, large and fast as the baseline, and made in ten seconds."""
    accuracy = figures.get("validation_quality", 0.9)
    lead = 0 if accuracy is None else round((accuracy - 0.9) * 100_000)
    usual = {
        "validation": None
        if accuracy is None
        else Disagreement(max(0, lead), max(0, -lead), 100_000),
        "speedup": exactly(1),
        "validation_quality": 0.9,
        "size_bytes": 1000,
        "make_seconds": 10,
        "lineage_seconds": 10,
    }
    return Summary(name, TARGET, **(usual | figures))


def memory(rest_bytes: float) -> dict[str, float]:
    return {"base_bytes": 50e6, "rest_bytes": 50e6 + rest_bytes}


def labels(*summaries: Summary) -> dict[str, list[str]]:
    """The best uses without their figures."""
    found = uses_of(*summaries)
    return {v: [use.partition(" (")[0] for use in uses] for v, uses in found.items()}


def uses_of(*summaries: Summary) -> dict[str, list[str]]:
    """The uses of each, without who is the most accurate by the estimate, which someone always is.

    That the baseline is it says nothing.
    """
    choice = pick(RUN, make_summaries(*summaries), TARGET)
    assert choice is not None
    found = best_uses(RUN, make_summaries(*summaries), TARGET, choice)
    assert sum(use.startswith("most accurate") for uses in found.values() for use in uses) == 1
    found["teacher"] = [u for u in found.get("teacher", []) if not u.startswith("most accurate")]
    return {variant: uses for variant, uses in found.items() if uses}


def test_a_use_has_its_figure() -> None:
    small = summary("a", size_bytes=900, speedup=exactly(2), faster=1, p50_ns=5_000)
    assert uses_of(BASELINE, small)["a"][:2] == ["lowest latency (5.00 µs)", "least disk (900 B)"]


def rates(per_s: float, ratio: Interval, side: int) -> dict[str, Any]:
    """Samples a second at batch 32, beside the baseline's 100."""
    return {
        "throughput_per_s": {1: 10, 32: per_s},
        "throughput_ratio": {32: ratio},
        "more_throughput": {32: side},
    }


BASELINE = summary("teacher", footprint=memory(9e6), throughput_per_s={1: 10, 32: 100})


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({}, []),
        ({"speedup": exactly(2), "faster": 1}, ["lowest latency", "most accurate"]),
        ({"speedup": exactly(2)}, ["most accurate"]),  # noise explains it
        (
            {"speedup": exactly(2), "faster": 1, "make_seconds": 0.09},
            ["lowest latency", "most accurate", "no retraining"],
        ),
        ({"size_bytes": 980}, ["least disk"]),
        ({"size_bytes": 999}, []),
        ({"packed_bytes": 10}, ["downloads"]),
        (rates(101, exactly(1.01), 1), ["batches"]),
        (rates(200, Interval(2, 0.9, 4), 0), []),  # noise explains it
        (rates(99, exactly(0.99), -1), []),
        ({"footprint": memory(7.9e6)}, ["least memory"]),
        ({"footprint": memory(8.1e6)}, []),  # within what processes differ by
        ({"validation_quality": 0.92}, ["most accurate"]),
        ({"size_bytes": 1, "validation_quality": 0.889}, []),  # too inaccurate for any use
        ({"size_bytes": 1, "validation_quality": 0.8905}, ["least disk"]),
        ({"size_bytes": 1, "validation_quality": None}, []),
    ],
)
def test_each_rule_finds_its_variant(figures: dict[str, Any], expected: list[str]) -> None:
    found = labels(BASELINE, summary("a", **figures))
    assert found == ({"a": expected} if expected else {})


def test_of_those_as_fast_the_smallest_has_the_lowest_latency() -> None:
    large = summary("a", speedup=Interval(3, 2.8, 3.2), faster=1)
    small = summary("b", speedup=Interval(2.9, 2.7, 3.1), faster=1, size_bytes=900)
    found = labels(BASELINE, large, small)
    assert found == {"a": ["most accurate"], "b": ["lowest latency", "least disk"]}


@pytest.mark.parametrize("high", [2.2, 1.9])
def test_of_throughputs_that_can_not_be_told_apart_the_smallest_file_is_named(high: float) -> None:
    most = summary("a", **rates(210, Interval(2.1, 2.0, 2.2), 1))
    small = summary("b", **rates(180, Interval(1.8, 1.4, high), 1), size_bytes=980)
    found = labels(BASELINE, most, small)
    assert found["b"] == (["least disk", "batches"] if high > 2 else ["least disk"])
    assert found.get("a", []) == ([] if high > 2 else ["batches"])


def test_of_those_with_least_memory_the_smallest_of_those_as_fast_is_named() -> None:
    lean = {"footprint": memory(1e6), "speedup": Interval(1.1, 0.9, 1.3)}
    found = labels(BASELINE, summary("a", **lean), summary("b", **lean, size_bytes=980))
    assert found["b"] == ["least disk", "least memory"]


def test_what_descends_from_another_variant_is_not_made_at_once() -> None:
    quick = summary("b", speedup=exactly(2), faster=1, make_seconds=0.01)
    found = labels(BASELINE, quick)
    assert found == {"b": ["lowest latency", "most accurate"]}


def test_without_a_measured_baseline_there_is_no_best() -> None:
    broken = Summary("teacher", TARGET, reason="failed: nan")
    assert pick(RUN, make_summaries(broken, summary("a", size_bytes=1)), TARGET) is None


@pytest.mark.parametrize(
    ("change", "p_value", "figure"),
    [
        (Interval(0.02, 0.01, 0.03), 0.01, "most accurate (92.00 %)"),
        (Interval(0.02, 0.01, 0.03), 0.06, "most accurate (92.00 % ≈)"),
        (Interval(0.02, 0.00, 0.04), 0.01, "most accurate (92.00 % ≈)"),
    ],
)
def test_the_most_accurate_is_named_though_chance_could_explain_it(
    change: Interval, p_value: float, figure: str
) -> None:
    known: dict[str, Any] = {"validation_change": change, "validation_p": p_value}
    better = summary("a", validation_quality=0.92, **known)
    assert uses_of(BASELINE, better) == {"a": [figure]}


def test_the_baseline_may_be_the_most_accurate() -> None:
    worse = summary("a", validation_quality=0.895)
    summaries = make_summaries(BASELINE, worse)
    choice = pick(RUN, summaries, TARGET)
    assert choice is not None
    assert best_uses(RUN, summaries, TARGET, choice) == {"teacher": ["most accurate (90.00 %)"]}
