"""A variant's two files on a target: measured side by side, and judged by every check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compbench.contracts import Options
from compbench.data.splits import Data
from compbench.gate.check import (
    Evidence,
    GateCheck,
    Measured,
    Pair,
    Result,
    names_side,
    worst_first,
)
from compbench.measure.evaluate import scores_of
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


def measure(pair: Pair, data: Data, limits: Options) -> Measured:
    """Measure the two files of a pair. Raises JobFailed that says which of them does not work."""
    with Worker(inference.packed("test", data.test)) as worker:
        candidate = _outputs("the candidate", pair.files[0], pair.target, worker)
        baseline = _outputs("the baseline", pair.files[1], pair.target, worker)
    scores = (
        _scores("the candidate", pair.files[0], candidate, data),
        _scores("the baseline", pair.files[1], baseline, data),
    )
    own = {check.name: check.measure(pair, data.measured) for check in checks(limits)}
    return Measured(
        scores=scores,
        agreement=float(data.task.agreement(baseline, candidate).mean()),
        own=own,
    )


def judge(evidence: Evidence, limits: Options) -> list[Result]:
    """Every check's result, the worst first."""
    results = [check.judge(evidence) for check in checks(limits)]
    return worst_first([result for result in results if result is not None])


def _outputs(side: str, file: Path, target: Target, worker: Worker) -> NDArray[np.float32]:
    with names_side(side, file):
        return inference.infer(worker, str(file), target, "test").outputs["test"]


def _scores(side: str, file: Path, outputs: NDArray[np.float32], data: Data) -> NDArray[Any]:
    with names_side(side, file):
        return scores_of(outputs, data.test.targets, data.task, "test")
