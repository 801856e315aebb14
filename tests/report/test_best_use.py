from __future__ import annotations

from typing import Any

import pytest

from compbench.report.best_use import best_uses
from compbench.statistics.intervals import Interval
from compbench.statistics.summary import Summary
from tests.factory import TARGET, exactly, lineage, make_run, make_summaries

RUN = make_run(
    {"teacher": lineage(), "a": lineage("prune_channels", "teacher"), "b": lineage("x", "a")}
)


def summary(name: str, **figures: Any) -> Summary:
    """As accurate, large and fast as the baseline, and made in ten seconds."""
    usual = {
        "speedup": exactly(1),
        "validation_accuracy": 0.9,
        "size_bytes": 1000,
        "make_seconds": 10,
        "lineage_seconds": 10,
    }
    return Summary(name, TARGET, **(usual | figures))


def memory(rest_bytes: float) -> dict[str, float]:
    return {"base_bytes": 50e6, "rest_bytes": 50e6 + rest_bytes}


def labels(*summaries: Summary) -> dict[str, list[str]]:
    """The best uses without their figures."""
    found = best_uses(RUN, make_summaries(*summaries), TARGET)
    return {v: [use.partition(" (")[0] for use in uses] for v, uses in found.items()}


def test_a_use_has_its_figure() -> None:
    small = summary("a", size_bytes=900, speedup=exactly(2), faster=1, p50_ns=5_000)
    found = best_uses(RUN, make_summaries(BASELINE, small), TARGET)
    assert found == {"a": ["lowest latency (5.00 µs)", "least disk (900 B)"]}


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
        ({"speedup": exactly(2), "faster": 1}, ["lowest latency"]),
        ({"speedup": exactly(2)}, []),  # noise explains it
        (
            {"speedup": exactly(2), "faster": 1, "make_seconds": 0.09},
            ["lowest latency", "no retraining"],
        ),
        ({"size_bytes": 999}, ["least disk"]),
        ({"packed_bytes": 10}, ["downloads"]),
        (rates(101, exactly(1.01), 1), ["batches"]),
        (rates(200, Interval(2, 0.9, 4), 0), []),  # noise explains it
        (rates(99, exactly(0.99), -1), []),
        ({"footprint": memory(7.9e6)}, ["least memory"]),
        ({"footprint": memory(8.1e6)}, []),  # within what processes differ by
        ({"validation_change": Interval(0.02, 0.01, 0.03), "validation_p": 0.01}, ["accuracy"]),
        ({"validation_change": Interval(0.02, 0.01, 0.03), "validation_p": 0.06}, []),
        ({"validation_change": Interval(0.02, 0.00, 0.04), "validation_p": 0.01}, []),
        ({"size_bytes": 1, "validation_accuracy": 0.889}, []),  # too inaccurate for any use
        ({"size_bytes": 1, "validation_accuracy": 0.89}, ["least disk"]),
        ({"size_bytes": 1, "validation_accuracy": None}, []),
    ],
)
def test_each_rule_finds_its_variant(figures: dict[str, Any], expected: list[str]) -> None:
    found = labels(BASELINE, summary("a", **figures))
    assert found == ({"a": expected} if expected else {})


def test_of_those_as_fast_the_smallest_has_the_lowest_latency() -> None:
    large = summary("a", speedup=Interval(3, 2.8, 3.2), faster=1)
    small = summary("b", speedup=Interval(2.9, 2.7, 3.1), faster=1, size_bytes=900)
    found = labels(BASELINE, large, small)
    assert found == {"b": ["lowest latency", "least disk"]}


@pytest.mark.parametrize("high", [2.2, 1.9])
def test_of_throughputs_that_can_not_be_told_apart_the_smallest_file_is_named(high: float) -> None:
    most = summary("a", **rates(210, Interval(2.1, 2.0, 2.2), 1))
    small = summary("b", **rates(180, Interval(1.8, 1.4, high), 1), size_bytes=999)
    found = labels(BASELINE, most, small)
    assert found["b"] == (["least disk", "batches"] if high > 2 else ["least disk"])
    assert found.get("a", []) == ([] if high > 2 else ["batches"])


def test_of_accuracies_that_can_not_be_told_apart_the_smallest_file_is_named() -> None:
    best = {"validation_change": Interval(0.03, 0.01, 0.05), "validation_p": 0.001}
    good = {"validation_change": Interval(0.02, 0.01, 0.03), "validation_p": 0.001}
    found = labels(BASELINE, summary("a", **best), summary("b", **good, size_bytes=999))
    assert found == {"b": ["least disk", "accuracy"]}


def test_of_those_with_least_memory_the_smallest_of_those_as_fast_is_named() -> None:
    lean = {"footprint": memory(1e6), "speedup": Interval(1.1, 0.9, 1.3)}
    found = labels(BASELINE, summary("a", **lean), summary("b", **lean, size_bytes=999))
    assert found == {"b": ["least disk", "least memory"]}


def test_what_descends_from_another_variant_is_not_made_at_once() -> None:
    quick = summary("b", speedup=exactly(2), faster=1, make_seconds=0.01)
    found = labels(BASELINE, quick)
    assert found == {"b": ["lowest latency"]}


def test_without_a_measured_baseline_there_is_no_best() -> None:
    broken = Summary("teacher", TARGET, reason="failed: nan")
    assert best_uses(RUN, make_summaries(broken, summary("a", size_bytes=1)), TARGET) == {}
