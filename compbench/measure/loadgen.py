"""MLPerf LoadGen's scenarios: latency percentiles and throughput under load, with its verdict.

For tails and load only: LoadGen and Python add 2 to 3 µs to each query (about 90 µs at the median
of `server`, where a sleeping thread is woken), too much for ratios of small models. Source: Reddi
et al., "MLPerf Inference Benchmark", arXiv:1911.02549; needs the extra `loadgen`.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, perf_counter_ns
from typing import Any

import numpy as np

from compbench.contracts.inputs import Inputs, first, taken
from compbench.contracts.inputs import size as samples
from compbench.files import refuse_full
from compbench.runtime import process
from compbench.runtime.session import OrtSession
from compbench.runtime.target import LoadGen, Target

_NAMES = {
    "single_stream": "SingleStream",
    "multi_stream": "MultiStream",
    "server": "Server",
    "offline": "Offline",
}
# with fewer queries LoadGen's early-stopping test can't pass: 64 at p90, 662 at p99
_LEAST_QUERIES = {"single_stream": 64, "multi_stream": 662, "server": 662, "offline": 1}
_MOST_GENERATED = 1_000_000  # LoadGen generates all queries before the run
_PILOT_S = 0.3
_SAMPLES = 1024  # different test samples


def scenario(
    kind: str, file: str, target: Target, inputs: Inputs, silent_s: float = process.SILENT_S
) -> process.Arrays:
    """LoadGen's figures by name, and its verdict, from a fresh process.

    `name` and `value` are columns (LoadGen's own keys); `reasons` is empty where it is VALID.
    """
    spec = {"kind": kind, "file": file, "target": target.model_dump(mode="json")}
    return process.call(measured, spec, first(inputs, _SAMPLES), silent_s)


def measured(spec: dict[str, Any], arrays: process.Arrays) -> process.Arrays:
    """What the fresh process does."""
    count = samples(arrays)
    target = Target(**spec["target"])
    kind = spec["kind"]
    session = OrtSession(spec["file"], target)
    size = batch(kind, target)

    def infer(indices: list[int]) -> None:
        process.mark()
        session.bind(taken(arrays, indices))
        session.run()

    infer_ns = _typical_ns(infer, count, size)
    settings = _settings(kind, target.loadgen, infer, infer_ns, (count, size))
    figures, reasons = verdict(_test(settings, infer, count, size))
    return {
        "name": np.array(list(figures), np.str_),
        "value": np.array(list(figures.values()), np.float64),
        "reasons": np.array(reasons, np.str_),
    }


def batch(kind: str, target: Target) -> int:
    """How many samples one inference takes."""
    if kind == "multi_stream":
        return target.loadgen.samples_per_query
    return max(target.batch_sizes) if kind == "offline" else 1


def _typical_ns(infer: Callable[[list[int]], None], count: int, size: int) -> float:
    """The median time of one inference outside LoadGen, after a warm-up."""
    random = np.random.default_rng(0)
    durations = []
    end = perf_counter() + 0.1
    while len(durations) < 20 or perf_counter() < end:
        indices = random.integers(count, size=size).tolist()
        before = perf_counter_ns()
        infer(indices)
        durations.append(perf_counter_ns() - before)
    return median(durations[len(durations) // 5 :])


def _settings(
    kind: str,
    wanted: LoadGen,
    infer: Callable[[list[int]], None],
    infer_ns: float,
    sizes: tuple[int, int],
) -> Any:
    """LoadGen's TestSettings, its expectations derived from what was just measured."""
    settings = _base(kind, int(1000 * wanted.seconds))
    # twice `duration / expected` queries are generated: 0.8 leaves room for a run that is faster
    expected_ns = max(0.8 * infer_ns, 2e9 * wanted.seconds / _MOST_GENERATED)
    if kind == "single_stream":
        settings.single_stream_expected_latency_ns = expected_ns
    elif kind == "multi_stream":
        settings.multi_stream_samples_per_query = sizes[1]
        settings.multi_stream_expected_latency_ns = expected_ns
    elif kind == "server":
        capacity = _capacity("single_stream", infer, infer_ns, sizes)
        settings.server_target_qps = wanted.server_load * capacity
        bound_ns = 1e6 * (wanted.latency_bound_ms or max(10.0, infer_ns / 1e5))
        settings.server_target_latency_ns = int(bound_ns)
        settings.server_target_latency_percentile = 0.99
    else:
        # too few would be invalid, too many only take longer
        settings.offline_expected_qps = 1.5 * _capacity("offline", infer, infer_ns, sizes)
    return settings


def _base(kind: str, duration_ms: int) -> Any:
    import mlperf_loadgen

    settings = mlperf_loadgen.TestSettings()
    settings.scenario = getattr(mlperf_loadgen.TestScenario, _NAMES[kind])
    settings.mode = mlperf_loadgen.TestMode.PerformanceOnly
    settings.min_duration_ms = duration_ms
    settings.min_query_count = _LEAST_QUERIES[kind]
    return settings


def _capacity(
    kind: str, infer: Callable[[list[int]], None], infer_ns: float, sizes: tuple[int, int]
) -> float:
    """Samples a second with LoadGen's and Python's own cost, from a short pilot run."""
    pilot = _base(kind, 0)
    pilot.min_query_count = max(64, int(_PILOT_S * 1e9 * sizes[1] / infer_ns))
    figures, _ = verdict(_test(pilot, infer, *sizes))
    name = "samples_per_second" if kind == "offline" else "qps_with_loadgen_overhead"
    return figures[f"result_{name}"]


def _test(
    settings: Any, infer: Callable[[list[int]], None], count: int, size: int
) -> list[dict[str, Any]]:
    """One LoadGen test; the records of its log.

    Queries are answered inside the callback, which is right for a single queue: LoadGen counts a
    server query's latency from when it was due. An exception must not leave the callback, and each
    sample must be answered, or LoadGen aborts or waits for ever.
    """
    import mlperf_loadgen as loadgen

    errors: list[Exception] = []

    def issue(samples: list[Any]) -> None:
        for start in range(0, len(samples), size):
            part = samples[start : start + size]
            try:
                if not errors:
                    infer([sample.index for sample in part])
            except Exception as error:
                errors.append(error)
            loadgen.QuerySamplesComplete([loadgen.QuerySampleResponse(s.id, 0, 0) for s in part])

    with tempfile.TemporaryDirectory(prefix="compbench-loadgen-") as folder:
        under_test = loadgen.ConstructSUT(issue, lambda: None)
        library = loadgen.ConstructQSL(count, count, lambda _: None, lambda _: None)
        try:
            # the last argument stands for ./audit.config, which would override the settings
            none = str(Path(folder) / "none")
            loadgen.StartTestWithLogSettings(under_test, library, settings, _logs(folder), none)
        finally:
            loadgen.DestroyQSL(library)
            loadgen.DestroySUT(under_test)
        if errors:
            raise errors[0]
        refuse_full(Path(folder))  # a log that was cut off may seem whole
        return read_log((Path(folder) / "mlperf_log_detail.txt").read_text())


def _logs(folder: str) -> Any:
    import mlperf_loadgen

    output = mlperf_loadgen.LogOutputSettings()
    output.outdir = folder
    output.prefix = "mlperf_log_"
    output.suffix = ""
    output.prefix_with_datetime = False
    output.copy_detail_to_stdout = output.copy_summary_to_stdout = False
    logs = mlperf_loadgen.LogSettings()
    logs.log_output = output
    logs.enable_trace = False
    return logs


def read_log(text: str) -> list[dict[str, Any]]:
    """The records of LoadGen's detail log; what C++ prints as nan or inf is no JSON."""
    names = {"nan": "NaN", "inf": "Infinity", "-nan": "NaN", "-inf": "-Infinity"}
    number = re.compile(r'"value": (-?(?:nan|inf)),')
    lines = (x.removeprefix(":::MLLOG ") for x in text.splitlines() if x.startswith(":::MLLOG "))
    return [json.loads(number.sub(lambda m: f'"value": {names[m[1]]},', line)) for line in lines]


def verdict(records: list[dict[str, Any]]) -> tuple[dict[str, float], list[str]]:
    """LoadGen's figures, and why the run is INVALID (nothing where it is VALID)."""
    values = {record["key"]: record["value"] for record in records}
    figures = {
        key: float(value)
        for key, value in values.items()
        if isinstance(value, int | float)
        and not isinstance(value, bool)
        and key.startswith(("result_", "effective_server_target", "early_stopping_latency"))
    }
    if values.get("result_validity") == "VALID":
        return figures, []
    reasons = [values.get("result_invalid_reason", "")]
    if not values.get("early_stopping_met", True):  # LoadGen gives no reason for this one
        reasons.append(values.get("early_stopping_result", ""))
    reasons += [r["value"] for r in records if r["metadata"]["is_error"]]
    told = [" ".join(str(reason).split()) for reason in reasons]
    return figures, [reason for reason in told if reason] or ["LoadGen gives no reason"]
