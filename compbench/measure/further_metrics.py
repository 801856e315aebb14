"""What a metric of its own measures of a file, or of a file on a target, in a fresh process."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from compbench import metrics
from compbench.contracts.inputs import Inputs, first
from compbench.contracts.metric import MetricBase, Running
from compbench.make.store import MODEL, Artifact
from compbench.measure.rows import make_row
from compbench.results.row import Row
from compbench.runtime import inference, process
from compbench.runtime.session import OrtSession
from compbench.runtime.target import Target
from compbench.suite.plan import Job

SAMPLES = 1024  # that a metric sees, of the test split; a batch where that is more
_VALUE = ""  # the array of a single value
_KINDS = "biufU"  # of numpy types that rows hold: numbers and texts


def of_files() -> dict[str, MetricBase]:
    """The metrics that measure each file once."""
    return {name: metric for name, metric in metrics.every().items() if metric.is_of_files}


def of_targets() -> dict[str, MetricBase]:
    """The metrics that measure each file on each target."""
    return {name: metric for name, metric in metrics.every().items() if metric.is_of_targets}


def further_row(
    job: Job,
    artifact: Artifact,
    inputs: Inputs,
    metric: str,
    name: str,
    target: Target | None,
    silent_s: float,
) -> Row:
    """What a metric measures, of the file alone where there is no target. Raises JobFailed."""
    size = target.batch_sizes[0] if target else 0
    spec = {
        "metric": metric,
        "folders": [*metrics.__path__],
        "file": str(artifact.path(MODEL)),
        "target": target.model_dump(mode="json") if target else None,
    }
    seen = first(inputs, max(SAMPLES, size)) if target else {}
    arrays = process.call(measured, spec, seen, silent_s)
    where: dict[str, Any] = {"target": name, "batch_size": size}
    if _VALUE in arrays:
        return make_row(job, metric, **where, value=float(arrays[_VALUE]))
    return make_row(job, metric, **where, samples=arrays)


def failed_further_row(job: Job, metric: str, name: str, reason: str) -> Row:
    """Says why a metric has no figure; the other figures of this artifact stand."""
    return make_row(job, metric, target=name, status="failed", reason=reason)


def measured(spec: dict[str, Any], arrays: process.Arrays) -> process.Arrays:
    """What the fresh process does, with the folders of metrics that the first one had."""
    metrics.__path__[:] = spec["folders"]
    metric, file = metrics.find(spec["metric"]), Path(spec["file"])
    if spec["target"] is None:
        return _arrays(metric.measure_file(file))
    target = Target(**spec["target"])
    session = OrtSession(str(file), target)
    size = target.batch_sizes[0]
    session.bind(first(arrays, size))

    def outputs(batch: Inputs) -> np.ndarray:
        found = inference.outputs(session, batch)
        session.bind(first(arrays, size))
        return found

    return _arrays(metric.measure_running(Running(file, arrays, size, session.run, outputs)))


def _arrays(found: float | Mapping[str, Any]) -> process.Arrays:
    """As rows hold it. Raises ValueError for what they can't."""
    if not isinstance(found, Mapping):
        if not isfinite(found):
            raise ValueError(f"the value is {found}")
        return {_VALUE: np.array(float(found))}
    arrays = {name: np.asarray(values) for name, values in found.items()}
    shapes = {values.shape for values in arrays.values()}
    kinds = {values.dtype.kind for values in arrays.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 1 or not kinds <= {*_KINDS}:
        raise ValueError("samples should be columns of equal length, of numbers or texts")
    if _VALUE in arrays:
        raise ValueError("each column of samples should have a name")
    return arrays
