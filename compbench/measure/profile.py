"""Where an artifact's time goes: its operators by time, from ONNX Runtime's own profile."""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from compbench.contracts.inputs import Inputs, first
from compbench.errors import JobFailed
from compbench.files import refuse_full
from compbench.runtime import process
from compbench.runtime.child import Start, spawned
from compbench.runtime.session import OrtSession
from compbench.runtime.target import Target

WARM_RUNS = 20
RUNS = 100
_INTEGERS = {"int8", "uint8"}


def profile(
    file: str,
    target: Target,
    inputs: Inputs,
    silent_s: float = process.SILENT_S,
    start: Start = spawned,
) -> process.Arrays:
    """Columns, a line for each operator type, the slowest first.

    `operator` is its name after ONNX Runtime's fusions, `provider` where it ran, `nodes` how many
    there are, `ns` their time in one inference (of the profiled, slower run), `int8` 1 where they
    read 8-bit integers.
    """
    spec = {"file": file, "target": target.model_dump(mode="json")}
    return process.call(measured, spec, first(inputs, target.batch_sizes[0]), silent_s, start)


def measured(spec: dict[str, Any], arrays: process.Arrays) -> process.Arrays:
    """What the fresh process does."""
    with tempfile.TemporaryDirectory(prefix="compbench-profile-") as folder:
        session = OrtSession(spec["file"], Target(**spec["target"]), profile=f"{folder}/trace")
        session.bind(arrays)
        for _ in range(WARM_RUNS + RUNS):
            process.mark()
            session.run()
        try:
            events = json.loads(Path(session.end_profile()).read_text())
        except (ValueError, FileNotFoundError) as error:
            refuse_full(Path(folder))
            raise JobFailed("the profile that ONNX Runtime wrote can't be read") from error
    return by_type([event for event in events if _is_node(event)])


def by_type(events: list[dict[str, Any]]) -> process.Arrays:
    """Sum up a trace's node events, the warm-up left out."""
    times: dict[tuple[str, str, bool], dict[str, list[int]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for event in events:
        arguments = event["args"]
        int8 = _reads_integers(arguments)
        kind = (arguments["op_name"], arguments.get("provider", ""), int8)
        times[kind][arguments["node_index"]].append(event["dur"])
    found = []
    for (operator, provider, int8), nodes in times.items():
        ns = sum(1000 * float(np.mean(durations[-RUNS:])) for durations in nodes.values())
        found.append((operator, provider, int8, len(nodes), ns))
    found.sort(key=lambda line: -line[-1])
    names = ("operator", "provider", "int8", "nodes", "ns")
    return {
        name: np.array([line[i] for line in found], dtype)
        for i, (name, dtype) in enumerate(
            zip(names, (np.str_, np.str_, np.uint8, np.int32, np.float64), strict=True)
        )
    }


def _is_node(event: dict[str, Any]) -> bool:
    return event.get("cat") == "Node" and event["name"].endswith("_kernel_time")


def _reads_integers(arguments: dict[str, Any]) -> bool:
    """Whether the first input is of 8-bit integers (others may be zero points)."""
    inputs = arguments.get("input_type_shape", [])
    return bool(inputs) and bool(_INTEGERS & set(inputs[0]))
