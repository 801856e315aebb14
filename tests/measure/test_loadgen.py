from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compbench.errors import JobFailed
from compbench.measure import loadgen
from compbench.measure.loadgen import batch, read_log, verdict
from compbench.runtime.target import LoadGen, Target
from tests.benchmarks import nets

KINDS = ("single_stream", "multi_stream", "server", "offline")
FIGURES = [("result_query_count", 4641), ("result_mean_latency_ns", 864905.5)]
INVALID = ("result_validity", "INVALID")
UNMET = ("early_stopping_met", False)
TOLD = (
    "early_stopping_result",
    " * Run unsuccessful.  * Processed 4641 queries.  * Would need to run at least 9 more.",
)
NONE = "LoadGen gives no reason"
REASON = ("result_invalid_reason", "Reduce target QPS to improve latency. ")


def logged(*found: tuple[str, Any], error: str = "") -> str:
    """A detail log as LoadGen 6 writes it."""

    def line(key: str, value: Any, is_error: bool = False) -> str:
        content = {
            "key": key,
            "value": value,
            "time_ms": 218.108566,
            "namespace": "mlperf::logging",
            "event_type": "POINT_IN_TIME",
            "metadata": {"is_error": is_error, "is_warning": False, "file": "results.cc"},
        }
        return f":::MLLOG {json.dumps(content)}"

    lines = ["", "some other line", *(line(key, value) for key, value in found)]
    return "\n".join([*lines, *([line("error_runtime", error, True)] if error else [])]) + "\n"


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (logged(*FIGURES, ("result_validity", "VALID")), []),
        (logged(*FIGURES, ("result_validity", "VALID"), ("early_stopping_met", True)), []),
        (logged(*FIGURES, INVALID, REASON), ["Reduce target QPS to improve latency."]),
        (
            logged(*FIGURES, INVALID, UNMET, TOLD),
            ["* Run unsuccessful. * Processed 4641 queries. * Would need to run at least 9 more."],
        ),
        (
            logged(*FIGURES, INVALID, REASON, UNMET, TOLD, error="no samples"),
            [
                "Reduce target QPS to improve latency.",
                "* Run unsuccessful. * Processed 4641 queries. "
                "* Would need to run at least 9 more.",
                "no samples",
            ],
        ),
        (logged(*FIGURES, INVALID, error="Ran out of\n queries"), ["Ran out of queries"]),
        (logged(*FIGURES, INVALID, ("early_stopping_met", True), TOLD), [NONE]),
        (logged(*FIGURES), [NONE]),
    ],
)
def test_loadgen_s_verdict_comes_with_its_reasons(text: str, reasons: list[str]) -> None:
    figures, found = verdict(read_log(text))
    assert found == reasons
    assert figures == dict(FIGURES)


def test_only_numbers_of_the_result_are_figures() -> None:
    found = [
        ("loadgen_version", 6.0),
        ("requested_min_duration_ms", 200),
        ("result_min_duration_met", True),
        ("result_scenario", "Server"),
        ("effective_server_target_qps", 12.5),
        ("early_stopping_latency_ss", 26720),
        ("result_validity", "VALID"),
        ("result_99.00_percentile_latency_ns", 1),
    ]
    assert verdict(read_log(logged(*found))) == (
        {
            "effective_server_target_qps": 12.5,
            "early_stopping_latency_ss": 26720,
            "result_99.00_percentile_latency_ns": 1,
        },
        [],
    )


@pytest.mark.parametrize(
    ("written", "value"),
    [("nan", math.nan), ("-nan", math.nan), ("inf", math.inf), ("-inf", -math.inf)],
)
def test_what_c_prints_as_nan_or_inf_is_read(written: str, value: float) -> None:
    text = logged(("result_mean_latency_ns", 123456), ("note", 'nan, "value": inf'))
    (first, second) = read_log(text.replace("123456", written))
    np.testing.assert_equal(first["value"], value)
    assert second["value"] == 'nan, "value": inf'


@pytest.mark.parametrize(("kind", "size"), list(zip(KINDS, (1, 5, 1, 64), strict=True)))
def test_each_scenario_has_its_batch(kind: str, size: int) -> None:
    target = Target(batch_sizes=(2, 64, 32), loadgen=LoadGen(samples_per_query=5))
    assert batch(kind, target) == size


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "rate"),
    [
        ("single_stream", "qps_with_loadgen_overhead"),
        ("multi_stream", "mean_latency_ns"),
        ("server", "completed_samples_per_sec"),
        ("offline", "samples_per_second"),
    ],
)
def test_loadgen_measures_and_judges(kind: Any, rate: str, tmp_path: Path) -> None:
    pytest.importorskip("mlperf_loadgen")
    file, images = tmp_path / "net.onnx", {"input": np.zeros((64, 10), np.float32)}
    file.write_bytes(nets.identity())
    target = Target(batch_sizes=(1, 8), loadgen=LoadGen(scenarios=(kind,), seconds=0.2))
    found = loadgen.scenario(kind, str(file), target, images)
    figures = dict(zip(found["name"].tolist(), found["value"].tolist(), strict=True))
    assert figures["result_query_count"] >= loadgen._LEAST_QUERIES[kind]
    assert figures[f"result_{rate}"] > 0
    if kind != "offline":
        shares = ("50.00", "90.00", "99.00")
        percentiles = [figures[f"result_{share}_percentile_latency_ns"] for share in shares]
        assert 0 < percentiles[0] <= percentiles[1] <= percentiles[2]
    assert all(isinstance(reason, str) and reason for reason in found["reasons"].tolist())


@pytest.mark.slow
def test_a_bound_that_can_not_be_held_is_invalid_with_a_reason(tmp_path: Path) -> None:
    pytest.importorskip("mlperf_loadgen")
    file = tmp_path / "net.onnx"
    file.write_bytes(nets.identity())
    target = Target(loadgen=LoadGen(seconds=0.2, latency_bound_ms=1e-4))
    found = loadgen.scenario("server", str(file), target, {"input": np.zeros((64, 10), np.float32)})
    assert "Reduce target QPS to improve latency." in found["reasons"].tolist()


@pytest.mark.slow
def test_a_model_that_fails_under_load_ends_the_test_with_its_error(tmp_path: Path) -> None:
    pytest.importorskip("mlperf_loadgen")
    calls: list[int] = []

    def infer(indices: list[int]) -> None:
        calls.extend(indices)
        if len(calls) == 3:
            raise JobFailed("out of memory")

    with pytest.raises(JobFailed, match="out of memory"):
        loadgen._test(loadgen._base("single_stream", 0), infer, 8, 1)
    assert len(calls) == 3
