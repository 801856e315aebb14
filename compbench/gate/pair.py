"""A variant's two files on a target: measured side by side, and judged by every check."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compbench.contracts import Options, Split
from compbench.gate.check import (
    Evidence,
    GateCheck,
    Measured,
    Pair,
    Result,
    names_side,
    worst_first,
)
from compbench.runtime import inference
from compbench.runtime.process import Worker
from compbench.runtime.target import Target
from compbench.suite import gate


def checks(limits: Options) -> list[GateCheck]:
    """Every check with its limits, which are fields of `[gate]`."""
    return [
        check(**{name: getattr(limits, name) for name in check.model_fields})
        for check in gate.checks()
    ]


def measure(pair: Pair, test: Split, limits: Options) -> Measured:
    """Measure the two files of a pair. Raises JobFailed that says which of them does not work."""
    with Worker({"test": test.images}) as worker:
        candidate = _logits("the candidate", pair.files[0], pair.target, worker)
        baseline = _logits("the baseline", pair.files[1], pair.target, worker)
    own = {check.name: check.measure(pair, test.images) for check in checks(limits)}
    return Measured(
        correct=(inference.correct(candidate, test), inference.correct(baseline, test)),
        same_class=float((candidate.argmax(1) == baseline.argmax(1)).mean()),
        own=own,
    )


def judge(evidence: Evidence, limits: Options) -> list[Result]:
    """Every check's result, the worst first."""
    results = [check.judge(evidence) for check in checks(limits)]
    return worst_first([result for result in results if result is not None])


def _logits(side: str, file: Path, target: Target, worker: Worker) -> NDArray[np.float32]:
    with names_side(side, file):
        return inference.infer(worker, str(file), target, "test").logits["test"]
