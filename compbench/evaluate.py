"""One artifact -> its rows: what its file holds and cost, accuracy and parity on a target."""

from __future__ import annotations

import importlib.util
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from compbench import accuracy, footprint, operators, scenarios, size, worker
from compbench.data import Data
from compbench.errors import JobFailed
from compbench.parity import parity
from compbench.plan import Job
from compbench.results import Row
from compbench.session import Images
from compbench.store import HISTORY, LOGITS, MODEL, Artifact
from compbench.targets import Target
from compbench.worker import Worker

CONTROL = "control"  # the A/A arm's name in a launch
_SIZES = (
    *("size_bytes", "packed_bytes", "coded_bytes"),
    *("parameters", "nonzero_parameters", "macs"),
)


def artifact_rows(job: Job, artifact: Artifact, worker: Worker) -> list[Row]:
    """What holds on every target: size, cost and training history.

    Raises JobFailed where the file can't be read; a process reads it, since that may crash too.
    """
    found = worker.call(size.measured, {"file": str(artifact.path(MODEL))}, silent_s=0)
    values = {name: found[name].item() if name in found else None for name in _SIZES}
    values["make_seconds"] = artifact.manifest.seconds
    rows = [_row(job, metric, value=value) for metric, value in values.items()]
    sha256 = np.array([artifact.manifest.files[MODEL]])
    weights = {"type": found["type"], "count": found["count"]}
    rows.append(_row(job, "file", samples={"sha256": sha256, "opset": found["opset"].reshape(1)}))
    rows.append(_row(job, "weights", samples=weights))
    if HISTORY in artifact.manifest.files:
        epochs = json.loads(artifact.read(HISTORY))
        samples = {name: np.array([e[name] for e in epochs]) for name in (epochs or [{}])[0]}
        rows.append(_row(job, "history", value=artifact.manifest.chosen_epoch, samples=samples))
    return rows


@dataclass(frozen=True)
class Seen:
    """What an artifact is evaluated on; `examples` are the places of test images to show.

    The worker, in which files run, has the images of the splits "test" and "validation".
    """

    data: Data
    examples: tuple[int, ...]
    worker: Worker


def target_rows(
    job: Job, artifact: Artifact, parent: Artifact | None, seen: Seen, name: str, target: Target
) -> list[Row]:
    """Accuracy on both splits, and parity on the test images, of the file on a target.

    The reference of parity is the torch module; where there is none, the parent's file on the same
    target. Raises JobFailed where a torch module and its file disagree, or nothing runs.
    """
    data, file = seen.data, str(artifact.path(MODEL))
    inferred = accuracy.infer(seen.worker, file, target, "test", "validation")
    test, validation = inferred.logits["test"], inferred.logits["validation"]
    if test.shape[1] != data.training.classes:
        raise JobFailed(
            f"the model gives {test.shape[1]} scores an image, "
            f"the dataset has {data.training.classes} classes"
        )
    if job.variant.is_torch:
        reference = np.load(io.BytesIO(artifact.read(LOGITS)))
    elif parent is None:
        raise JobFailed("its parent's file is lost: there is nothing to compare it with")
    else:
        try:
            above = accuracy.infer(seen.worker, str(parent.path(MODEL)), target, "test")
        except JobFailed as error:
            error.args = (f"its parent's file, to compare it with: {error}",)
            raise
        reference = above.logits["test"]
    found = parity(reference, test)
    complaint = found.complaint(name, target.max_logit_difference)
    if job.variant.is_torch and complaint:
        raise JobFailed(complaint)
    right = {
        "accuracy": accuracy.correct(test, data.test),
        "validation_accuracy": accuracy.correct(validation, data.training.validation),
    }
    rows = [_row(job, m, target=name, samples={"correct": r}) for m, r in right.items()]
    rows.append(_row(job, "parity_max_abs", target=name, value=found.max_abs_difference))
    rows.append(_row(job, "parity_agreement", target=name, value=found.agreement))
    rows.append(_row(job, "placement", target=name, samples=inferred.placement))
    wrong = np.flatnonzero(right["accuracy"] == 0)
    errors = {
        "index": wrong.astype(np.int32),
        "predicted": test[wrong].argmax(1).astype(np.uint16),
    }
    rows.append(_row(job, "errors", target=name, samples=errors))
    soft = {"logit": test[list(seen.examples)].astype(np.float32).ravel()}
    rows.append(_row(job, "soft_labels", target=name, samples=soft))
    return rows


def footprint_rows(
    job: Job,
    artifact: Artifact,
    images: Images,
    name: str,
    target: Target,
    processes: int,
    silent_s: float = worker.SILENT_S,
) -> list[Row]:
    """Memory and start-up of the file in fresh processes, and its operators by time."""
    file = str(artifact.path(MODEL))
    memory = footprint.footprints(file, target, processes, images, silent_s)
    profile = operators.profile(file, target, images, silent_s)
    where = {"target": name, "batch_size": target.batch_sizes[0]}
    return [
        _row(job, "memory_bytes", **where, samples=memory),
        _row(job, "operators", **where, samples=profile),
    ]


def scenario_row(
    job: Job,
    artifact: Artifact,
    images: Images,
    name: str,
    target: Target,
    kind: str,
    silent_s: float = worker.SILENT_S,
) -> Row:
    """An MLPerf LoadGen scenario; skipped where LoadGen is not installed. Raises JobFailed."""
    metric = f"loadgen_{kind}"
    if importlib.util.find_spec("mlperf_loadgen") is None:
        reason = "MLPerf LoadGen is not installed: pip install 'compbench[loadgen]'"
        return _row(job, metric, target=name, status="skipped", reason=reason)
    found = scenarios.scenario(kind, str(artifact.path(MODEL)), target, images, silent_s)
    reason = " ".join(map(str, found.pop("reasons")))
    batch = scenarios.batch(kind, target)
    return _row(job, metric, target=name, batch_size=batch, samples=found, reason=reason)


def failed_scenario_row(job: Job, name: str, kind: str, reason: str) -> Row:
    """Says why there is nothing of a scenario; the other figures of the artifact stand."""
    return _row(job, f"loadgen_{kind}", target=name, status="failed", reason=reason)


def launch_rows(
    arms: Mapping[str, Job], taken: Mapping[str, Any], name: str, target: Target, index: int
) -> list[Row]:
    """The raw samples of a launch; `arms` maps an arm's name to the job that it ran."""
    machine = taken["machine"][""]
    rows = [_row(arms[CONTROL], "machine", target=name, launch=index, samples=machine)]
    for arm, samples in taken["latency"].items():
        metric = "control_latency_ns" if arm == CONTROL else "latency_ns"
        size = target.batch_sizes[0]
        rows.append(
            _row(arms[arm], metric, target=name, batch_size=size, launch=index, samples=samples)
        )
    for size, rates in taken["throughput"].items():
        rows += [
            _row(
                arms[arm],
                "throughput_per_s",
                target=name,
                batch_size=int(size),
                launch=index,
                samples={"images_per_s": rate},
            )
            for arm, rate in rates.items()
            if arm != CONTROL
        ]
    return rows


def failed_row(job: Job, reason: str, target: str = "", launch: int = -1) -> Row:
    """Says why a job has no figures, everywhere, on one target or of one launch there."""
    return _row(job, "status", target=target, launch=launch, status="failed", reason=reason)


def skipped_row(job: Job, reason: str, target: str) -> Row:
    """Says that this machine lacks what a target needs."""
    return _row(job, "status", target=target, status="skipped", reason=reason)


def _row(job: Job, metric: str, **fields: Any) -> Row:
    return Row(job.variant.name, job.seed, job.key, metric, **fields)
