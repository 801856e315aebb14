"""One launch: all the arms of one target take turns in one fresh process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from time import perf_counter_ns, process_time_ns
from typing import Any

import numpy as np

from compbench.contracts.inputs import Inputs, first, size, taken
from compbench.errors import JobFailed
from compbench.measure import peak
from compbench.measure.turns import Clocks, Turns, latencies, throughputs
from compbench.runtime import process
from compbench.runtime.session import OrtSession
from compbench.runtime.target import Target

BATCHES = 32  # different batches of real samples that the turns go through


@dataclass(frozen=True)
class Spec:
    """What a launch is to do. `arms` maps an arm's name to its ONNX file.

    `beside` maps an arm to the one that it is compared with: these share turns, whatever others do.
    """

    arms: dict[str, str]
    target: Target
    turns: Turns
    seed: int  # of the random orders
    throughput: bool = True
    beside: dict[str, str] = field(default_factory=dict)


def launch(spec: Spec, inputs: Inputs, silent_s: float = process.SILENT_S) -> dict[str, Any]:
    """Measure in a fresh process.

    Returns {"latency": {arm: {column: array}}, "throughput": {batch size: {arm: array}},
    "machine": {"": {column: array}}}. Raises ProcessFailed where the process did not end well; its
    `at` is the arm that was at work.
    """
    sizes = spec.target.batch_sizes
    content = asdict(spec) | {"target": spec.target.model_dump(mode="json")}
    shown = first(inputs, BATCHES * sizes[0] + max(sizes))
    return _unflatten(process.call(measured, content, shown, silent_s))


def culprits(spec: Spec, inputs: Inputs, silent_s: float = process.SILENT_S) -> dict[str, str]:
    """Which arms fail when they are launched alone, and why; arms of one file share its reason."""
    reasons: dict[str, str] = {}
    for arm, file in spec.arms.items():
        if file not in reasons:
            alone = replace(spec, arms={arm: file}, turns=Turns(seconds_per_arm=1e-6))
            try:
                launch(alone, inputs, silent_s)
                reasons[file] = ""
            except JobFailed as error:
                reasons[file] = str(error)
    return {arm: reasons[file] for arm, file in spec.arms.items() if reasons[file]}


class _Marked:
    """A session that says when its turn begins: who is at work if the process ends then."""

    def __init__(self, name: str, file: str, target: Target):
        process.mark(name)
        self._name, self._session = name, OrtSession(file, target)
        self.run, self.outputs = self._session.run, self._session.outputs  # nothing is between them

    def bind(self, inputs: Inputs) -> None:
        """Tell, and bind."""
        process.mark(self._name)
        self._session.bind(inputs)


def measured(content: dict[str, Any], given: process.Arrays) -> process.Arrays:
    """What the fresh process does: arrays by "latency|arm|column" and "throughput|batch|arm"."""
    target, turns = Target(**content["target"]), Turns(**content["turns"])
    random = np.random.default_rng(content["seed"])
    files = list(content["arms"].items())
    arms = {
        name: _Marked(name, file, target)
        for name, file in (files[i] for i in random.permutation(len(files)))
    }
    before, count = _load(), target.batch_sizes[0]
    batches = [_batch(given, i * count, count) for i in range(BATCHES)]
    taken = latencies(arms, batches, random, turns, Clocks(), content["beside"])
    arrays = {
        f"latency|{arm}|{column}": values
        for arm, columns in taken.items()
        for column, values in asdict(columns).items()
    }
    arrays |= {f"machine||{name}": np.array([v]) for name, v in _since(before).items()}
    if content["throughput"]:
        for count in target.batch_sizes:
            rates = throughputs(arms, _batch(given, 0, count), random, Clocks())
            arrays |= {f"throughput|{count}|{arm}": values for arm, values in rates.items()}
        process.mark()
        arrays["machine||peak_macs_per_s"] = np.array([peak.macs_per_s(target, perf_counter_ns)])
    return arrays


def _batch(inputs: Inputs, start: int, count: int) -> Inputs:
    """`count` samples from `start` on, beginning again where there are not so many."""
    return taken(inputs, np.arange(start, start + count) % size(inputs))


def _load() -> dict[str, float]:
    """Counters of what disturbs: seconds, but for switches, which are counted."""
    import psutil

    times = psutil.cpu_times()
    return {
        "wall_s": perf_counter_ns() / 1e9,
        "own_cpu_s": process_time_ns() / 1e9,
        "busy_cpu_s": sum(times) - times.idle - getattr(times, "iowait", 0.0),
        "steal_s": getattr(times, "steal", 0.0),
        "involuntary_switches": psutil.Process().num_ctx_switches().involuntary,
    }


def _since(before: dict[str, float]) -> dict[str, float]:
    """What disturbed since then; the other load is a share of all cores."""
    spent = {name: now - before[name] for name, now in _load().items()}
    others_s = max(0.0, spent["busy_cpu_s"] - spent["own_cpu_s"])
    cores_s = spent["wall_s"] * (os.cpu_count() or 1)
    return {
        "other_load": others_s / cores_s,
        "steal": spent["steal_s"] / cores_s,
        "involuntary_switches": spent["involuntary_switches"],
    }


def _unflatten(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    tree: dict[str, Any] = {"latency": {}, "throughput": {}, "machine": {}}
    for path, values in arrays.items():
        kind, first, second = path.split("|")
        tree[kind].setdefault(first, {})[second] = values
    return tree
