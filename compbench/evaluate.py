"""One artifact -> its rows: what its file holds and cost, accuracy and parity on a target."""

from __future__ import annotations

import importlib.util
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compbench import accuracy, footprint, operators, scenarios, size
from compbench.data import Data
from compbench.errors import JobFailed
from compbench.parity import parity
from compbench.plan import Job
from compbench.results import Row
from compbench.session import Images, OrtSession
from compbench.store import HISTORY, LOGITS, MODEL, Artifact
from compbench.targets import Target

CONTROL = "control"  # the A/A arm's name in a launch


def artifact_rows(job: Job, artifact: Artifact) -> list[Row]:
    """What holds on every target: size, cost and training history."""
    found = size.measure(artifact.read(MODEL))
    values = {
        "size_bytes": found.size_bytes,
        "packed_bytes": found.packed_bytes,
        "coded_bytes": found.coded_bytes,
        "parameters": found.parameters,
        "nonzero_parameters": found.nonzero_parameters,
        "macs": found.macs,
        "make_seconds": artifact.manifest.seconds,
    }
    rows = [_row(job, metric, value=value) for metric, value in values.items()]
    file = {"sha256": [artifact.manifest.files[MODEL]], "opset": [found.opset]}
    weights = {"type": list(found.weight_types), "count": list(found.weight_types.values())}
    for metric, columns in (("file", file), ("weights", weights)):
        samples = {name: np.array(values) for name, values in columns.items()}
        rows.append(_row(job, metric, samples=samples))
    if HISTORY in artifact.manifest.files:
        epochs = json.loads(artifact.read(HISTORY))
        samples = {name: np.array([e[name] for e in epochs]) for name in (epochs or [{}])[0]}
        rows.append(_row(job, "history", value=artifact.manifest.chosen_epoch, samples=samples))
    return rows


@dataclass(frozen=True)
class Seen:
    """What an artifact is evaluated on; `examples` are the places of test images to show."""

    data: Data
    examples: tuple[int, ...]


def target_rows(
    job: Job, artifact: Artifact, parent: Artifact | None, seen: Seen, name: str, target: Target
) -> list[Row]:
    """Accuracy on both splits, and parity on the test images, of the file on a target.

    The reference of parity is the torch module; where there is none, the parent's file on the same
    target. Raises JobFailed where a torch module and its file disagree, or nothing runs.
    """
    data = seen.data
    session = OrtSession(str(artifact.path(MODEL)), target)
    test = accuracy.logits(session, data.test.images)
    validation = accuracy.logits(session, data.training.validation.images)
    if job.variant.is_torch:
        reference = np.load(io.BytesIO(artifact.read(LOGITS)))
    elif parent is None:
        raise JobFailed("its parent's file is lost: there is nothing to compare it with")
    else:
        above = OrtSession(str(parent.path(MODEL)), target)
        reference = accuracy.logits(above, data.test.images)
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
    rows.append(_row(job, "placement", target=name, samples=_placement(session)))
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
    job: Job, artifact: Artifact, images: Images, name: str, target: Target, processes: int
) -> list[Row]:
    """Memory and start-up of the file in fresh processes, and its operators by time."""
    file = str(artifact.path(MODEL))
    memory = footprint.footprints(file, target, processes, images)
    where = {"target": name, "batch_size": target.batch_sizes[0]}
    return [
        _row(job, "memory_bytes", **where, samples=memory),
        _row(job, "operators", **where, samples=operators.profile(file, target, images)),
    ]


def scenario_row(
    job: Job, artifact: Artifact, images: Images, name: str, target: Target, kind: str
) -> Row:
    """An MLPerf LoadGen scenario; skipped where LoadGen is not installed."""
    metric = f"loadgen_{kind}"
    if importlib.util.find_spec("mlperf_loadgen") is None:
        reason = "MLPerf LoadGen is not installed: pip install 'compbench[loadgen]'"
        return _row(job, metric, target=name, status="skipped", reason=reason)
    try:
        found = scenarios.scenario(kind, str(artifact.path(MODEL)), target, images)
    except JobFailed as error:  # the other figures of this artifact stand
        return _row(job, metric, target=name, status="failed", reason=str(error))
    reason = " ".join(map(str, found.pop("reasons")))
    batch = scenarios.batch(kind, target)
    return _row(job, metric, target=name, batch_size=batch, samples=found, reason=reason)


def _placement(session: OrtSession) -> dict[str, NDArray[Any]]:
    providers = list(session.placement)
    nodes = [len(session.placement[provider]) for provider in providers]
    return {"provider": np.array(providers, np.str_), "nodes": np.array(nodes, np.int32)}


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
