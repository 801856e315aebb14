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
        ({"throughput_per_s": {1: 5, 32: 101}}, ["batches"]),
        ({"throughput_per_s": {1: 50, 32: 99}}, []),
        ({"footprint": memory(7.9e6)}, ["least memory"]),
        ({"footprint": memory(8.1e6)}, []),  # within what processes differ by
        ({"validation_change": Interval(0.02, 0.01, 0.03)}, ["accuracy"]),
        ({"validation_change": Interval(0.02, 0.00, 0.04)}, []),
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


def test_what_descends_from_another_variant_is_not_made_at_once() -> None:
    quick = summary("b", speedup=exactly(2), faster=1, make_seconds=0.01)
    found = labels(BASELINE, quick)
    assert found == {"b": ["lowest latency"]}


def test_without_a_measured_baseline_there_is_no_best() -> None:
    broken = Summary("teacher", TARGET, reason="failed: nan")
    assert best_uses(RUN, make_summaries(broken, summary("a", size_bytes=1)), TARGET) == {}
