"""What one artifact costs a fresh process: memory, and the time to load and first run it."""

from __future__ import annotations

from time import perf_counter_ns
from typing import Any

import numpy as np

from compbench.contracts.inputs import Inputs, first
from compbench.runtime import process
from compbench.runtime.child import Start, spawned
from compbench.runtime.session import OrtSession
from compbench.runtime.target import Target

# what a process imports before it measures, and one may be forked with
MODULES = ("onnxruntime", "psutil", __name__, "compbench.measure.profile")
RUNS_TO_REST = 10  # the memory pattern allocates on the second run


def footprints(
    file: str,
    target: Target,
    processes: int,
    inputs: Inputs,
    silent_s: float = process.SILENT_S,
    start: Start = spawned,
) -> process.Arrays:
    """One value a process in each column; all but `*_ns` are bytes of resident memory.

    `base_bytes` is with ONNX Runtime imported, `loaded_bytes` with the session, `first_run_bytes`
    after one run, `rest_bytes` after ten more, `peak_bytes` the largest so far.
    """
    batch = first(inputs, target.batch_sizes[0])
    spec = {"file": file, "target": target.model_dump(mode="json")}
    taken = [process.call(measured, spec, batch, silent_s, start) for _ in range(processes)]
    return {name: np.array([one[name] for one in taken]) for name in taken[0]}


def measured(spec: dict[str, Any], arrays: process.Arrays) -> process.Arrays:
    """What the fresh process does."""
    import onnxruntime  # noqa: F401, its own memory is no model's

    target = Target(**spec["target"])
    found = {"base_bytes": _resident()}
    before = perf_counter_ns()
    session = OrtSession(spec["file"], target)
    found["create_ns"] = perf_counter_ns() - before
    found["loaded_bytes"] = _resident()
    session.bind(arrays)
    before = perf_counter_ns()
    session.run()
    found["first_run_ns"] = perf_counter_ns() - before
    found["first_run_bytes"] = _resident()
    for _ in range(RUNS_TO_REST):
        process.mark()
        session.run()
    found |= {"rest_bytes": _resident(), "peak_bytes": _peak()}
    return {name: np.array(value, np.int64) for name, value in found.items()}


def _resident() -> int:
    import psutil

    return psutil.Process().memory_info().rss


def _peak() -> int:
    """The largest resident set of this process.

    On Linux getrusage would count the parent's memory from before the exec: /proc knows better.
    """
    import psutil

    try:
        with open("/proc/self/status") as file:
            line = next(line for line in file if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    except (OSError, StopIteration):
        memory = psutil.Process().memory_info()
        return getattr(memory, "peak_wset", None) or _maxrss()


def _maxrss() -> int:
    import resource  # not on Windows, which has peak_wset

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS
