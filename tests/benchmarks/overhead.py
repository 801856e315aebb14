"""What compbench's harness adds to one inference, against a bare loop; and what profiling adds.

`python -m tests.benchmarks.overhead` interleaves, in one process and on one ONNX Runtime session,
blocks of runs timed by compbench and by a bare loop of `perf_counter_ns` around IOBinding. More
than 0.5 µs is too much: docs/measurement.md has 0.05 µs. A minute.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter_ns

import numpy as np

from compbench.contracts import Inputs
from compbench.measure import turns
from compbench.runtime.session import OrtSession
from compbench.runtime.target import Target
from tests.benchmarks import nets
from tests.benchmarks.bounds import Bounds

BLOCKS, RUNS = 400, 32
MOST_US = 0.5


def write(folder: str) -> None:
    """Make the files in a process of their own: torch should not share one with the timing."""
    (Path(folder) / "identity.onnx").write_bytes(nets.identity())
    (Path(folder) / "convolutional.onnx").write_bytes(nets.convolutional())


def bare_loop(session: OrtSession, inputs: Inputs):
    """A function that times runs as anyone would by hand, on the same ONNX Runtime session."""
    import onnxruntime

    raw = session._session  # the very session that compbench times
    binding = raw.io_binding()
    ((name, array),) = session._arrays(inputs).items()
    bound = onnxruntime.OrtValue.ortvalue_from_numpy(array)
    output = onnxruntime.OrtValue.ortvalue_from_numpy(np.empty((len(array), 10), np.float32))
    binding.bind_ortvalue_input(name, bound)
    binding.bind_ortvalue_output("logits", output)

    def durations(count: int) -> list[int]:
        found = []
        for _ in range(count):
            before = perf_counter_ns()
            raw.run_with_iobinding(binding)
            found.append(perf_counter_ns() - before)
        return found

    return durations


def report(name: str, folder: str, inputs: Inputs) -> tuple[float, str]:
    """How many µs compbench adds, and the medians of both ways and of a session that profiles."""
    file = f"{folder}/{name}.onnx"
    session = OrtSession(file, Target())
    profiled = OrtSession(file, Target(), profile=f"{folder}/{name}")
    bare = bare_loop(session, inputs)
    taken: dict[str, list[int]] = {"compbench": [], "bare": [], "profiled": []}
    for arm in (session, profiled):
        arm.bind(inputs)
        turns._durations(arm, 2000, perf_counter_ns)
    gc.disable()
    random = np.random.default_rng(0)
    ways = {
        "compbench": lambda: turns._durations(session, RUNS, perf_counter_ns),
        "bare": lambda: bare(RUNS),
        "profiled": lambda: turns._durations(profiled, 4, perf_counter_ns),
    }
    names = list(ways)
    for _ in range(BLOCKS):
        for index in random.permutation(len(names)):
            taken[names[index]] += ways[names[index]]()
    gc.enable()
    p50 = {way: median(durations) / 1e3 for way, durations in taken.items()}
    events = json.loads(Path(profiled.end_profile()).read_text())
    inside = median(e["dur"] for e in events[len(events) // 2 :] if e["name"] == "model_run")
    more = p50["compbench"] - p50["bare"]
    return more, (
        f"{name}: compbench p50 {p50['compbench']:.2f} µs, bare loop {p50['bare']:.2f} µs: "
        f"{more:+.2f} µs ({more / p50['bare']:+.1%}); with profiling {p50['profiled']:.2f} µs "
        f"({p50['profiled'] - p50['bare']:+.2f} µs), of which ONNX Runtime's profile reports "
        f"{inside} µs as the model's"
    )


def main() -> None:
    """Print a line for each net."""
    bounds = Bounds()
    with tempfile.TemporaryDirectory(prefix="compbench-overhead-") as folder:
        maker = multiprocessing.get_context("spawn").Process(target=write, args=(folder,))
        maker.start()
        maker.join()
        one = {"input": np.ones((1, 10), np.float32)}
        for name, inputs in (("identity", one), ("convolutional", nets.images(1))):
            more, told = report(name, folder, inputs)
            print(told)
            bounds.at_most(f"{name}: what compbench adds to an inference", more, MOST_US, "µs")
    bounds.end()


if __name__ == "__main__":
    main()
