"""A variant's two files on a target: measured side by side, and judged by every gate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compbench.contracts import Split
from compbench.errors import JobFailed
from compbench.gate import checks, engine
from compbench.gate.checks import Agreement, Result
from compbench.gate.engine import Comparison, Limits
from compbench.gate.snapshot import Snapshot
from compbench.measure import footprint
from compbench.runtime import inference
from compbench.runtime.process import Worker
from compbench.runtime.session import Images
from compbench.runtime.target import Target
from compbench.suite.tables import Gate


@dataclass(frozen=True)
class Pair:
    """A variant on a target; a side without the variant has no file there."""

    variant: str
    target_name: str
    target: Target
    candidate: Path | None
    baseline: Path | None

    def __str__(self) -> str:
        return f"{self.variant}[{self.target_name}]"


@dataclass(frozen=True)
class Measured:
    """What both files did on this machine: candidate first, baseline second."""

    comparison: Comparison
    launches: tuple[dict[str, Any], ...]  # arm -> columns, as `gate.timed` has them
    correct: tuple[NDArray[np.uint8], NDArray[np.uint8]]
    peak_bytes: tuple[NDArray[np.int64], NDArray[np.int64]]
    same_class: float  # share of test samples on which the two agree


def measure(pair: Pair, test: Split, limits: Gate) -> Measured:
    """Measure the two files of a pair. Raises JobFailed that says which of them does not work."""
    assert pair.candidate is not None and pair.baseline is not None
    files, target = (str(pair.candidate), str(pair.baseline)), pair.target
    sides = list(zip(("the candidate", "the baseline"), files, strict=True))
    with Worker({"test": test.images}) as worker:
        logits = [_logits(side, file, target, worker) for side, file in sides]
    memory = [
        _peak_bytes(side, file, target, limits.memory_processes, test.images)
        for side, file in sides
    ]
    taken: list[dict[str, Any]] = []

    def launches(first: int) -> list[dict[str, Any]]:
        seeds = range(first, first + engine.LAUNCHES)
        taken.extend(engine.timed(files, target, test.images, seed) for seed in seeds)
        return taken[first:]

    comparison = engine.judged(launches, Limits(slower=limits.latency_ratio))
    same = float((logits[0].argmax(1) == logits[1].argmax(1)).mean())
    correct = (inference.correct(logits[0], test), inference.correct(logits[1], test))
    return Measured(comparison, tuple(taken), correct, (memory[0], memory[1]), same)


def judge(
    pair: Pair, found: Measured, candidate: Snapshot, baseline: Snapshot, limits: Gate
) -> list[Result]:
    """Every gate's result, the worst first."""
    assert pair.candidate is not None and pair.baseline is not None
    bytes_of = pair.baseline.stat().st_size, pair.candidate.stat().st_size
    theirs, ours = (_agreement(side, pair) for side in (candidate, baseline))
    entry = candidate.record.variants[pair.variant]
    most = limits.max_logit_difference
    if most is None and entry.is_torch:
        most = pair.target.max_logit_difference
    results = [
        checks.latency(found.comparison, limits.latency_ratio),
        checks.accuracy(found.correct[1], found.correct[0], limits.accuracy_drop),
        checks.size(*bytes_of, limits.bytes_ratio),
        checks.memory(found.peak_bytes[1], found.peak_bytes[0], limits.memory_ratio),
        checks.parity_classes(ours, theirs, limits.parity_agreement),
    ]
    logits = checks.parity_logits(theirs, most)
    return checks.worst_first([*results, logits] if logits else results)


def _agreement(side: Snapshot, pair: Pair) -> Agreement | None:
    classes = side.row(pair.variant, "parity_agreement", pair.target_name)
    logits = side.row(pair.variant, "parity_max_abs", pair.target_name)
    if not (classes and logits) or classes.value is None or logits.value is None:
        return None
    return Agreement(classes.value, logits.value)


def _logits(side: str, file: str, target: Target, worker: Worker) -> NDArray[np.float32]:
    with _named(side, file):
        return inference.infer(worker, file, target, "test").logits["test"]


def _peak_bytes(
    side: str, file: str, target: Target, processes: int, images: Images
) -> NDArray[np.int64]:
    with _named(side, file):
        return footprint.footprints(file, target, processes, images)["peak_bytes"]


@contextmanager
def _named(side: str, file: str) -> Iterator[None]:
    """Says in a failure's reason which of the two files it is of."""
    try:
        yield
    except JobFailed as error:
        raise JobFailed(f"{side}, {file}: {error}", error.details) from error
