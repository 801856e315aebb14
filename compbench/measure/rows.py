"""What was measured -> rows."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from compbench.errors import JobFailed
from compbench.make.store import HISTORY, MODEL, Artifact
from compbench.measure import footprint, loadgen, profile
from compbench.onnxfile import size
from compbench.results.row import Row
from compbench.runtime.session import Images
from compbench.runtime.target import Target
from compbench.suite.plan import Job

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
    rows = [make_row(job, metric, value=value) for metric, value in values.items()]
    file = {"sha256": [artifact.manifest.files[MODEL]], "opset": [found.opset]}
    weights = {"type": list(found.weight_types), "count": list(found.weight_types.values())}
    for metric, columns in (("file", file), ("weights", weights)):
        samples = {name: np.array(values) for name, values in columns.items()}
        rows.append(make_row(job, metric, samples=samples))
    if HISTORY in artifact.manifest.files:
        epochs = json.loads(artifact.read(HISTORY))
        samples = {name: np.array([e[name] for e in epochs]) for name in (epochs or [{}])[0]}
        rows.append(make_row(job, "history", value=artifact.manifest.chosen_epoch, samples=samples))
    return rows


def footprint_rows(
    job: Job, artifact: Artifact, images: Images, name: str, target: Target, processes: int
) -> list[Row]:
    """Memory and start-up of the file in fresh processes, and its operators by time."""
    file = str(artifact.path(MODEL))
    memory = footprint.footprints(file, target, processes, images)
    operators = profile.profile(file, target, images)
    size = target.batch_sizes[0]
    return [
        make_row(job, "memory_bytes", target=name, batch_size=size, samples=memory),
        make_row(job, "operators", target=name, batch_size=size, samples=operators),
    ]


def scenario_row(
    job: Job, artifact: Artifact, images: Images, name: str, target: Target, kind: str
) -> Row:
    """An MLPerf LoadGen scenario; skipped where LoadGen is not installed."""
    metric = f"loadgen_{kind}"
    if importlib.util.find_spec("mlperf_loadgen") is None:
        reason = "MLPerf LoadGen is not installed: pip install 'compbench[loadgen]'"
        return make_row(job, metric, target=name, status="skipped", reason=reason)
    try:
        found = loadgen.scenario(kind, str(artifact.path(MODEL)), target, images)
    except JobFailed as error:  # the other figures of this artifact stand
        return make_row(job, metric, target=name, status="failed", reason=str(error))
    reason = " ".join(map(str, found.pop("reasons")))
    batch = loadgen.batch(kind, target)
    return make_row(job, metric, target=name, batch_size=batch, samples=found, reason=reason)


def launch_rows(
    arms: Mapping[str, Job], taken: Mapping[str, Any], name: str, target: Target, index: int
) -> list[Row]:
    """The raw samples of a launch; `arms` maps an arm's name to the job that it ran."""
    machine = taken["machine"][""]
    rows = [make_row(arms[CONTROL], "machine", target=name, launch=index, samples=machine)]
    for arm, samples in taken["latency"].items():
        metric = "control_latency_ns" if arm == CONTROL else "latency_ns"
        size = target.batch_sizes[0]
        rows.append(
            make_row(arms[arm], metric, target=name, batch_size=size, launch=index, samples=samples)
        )
    for size, rates in taken["throughput"].items():
        rows += [
            make_row(
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
    return make_row(job, "status", target=target, launch=launch, status="failed", reason=reason)


def skipped_row(job: Job, reason: str, target: str) -> Row:
    """Says that this machine lacks what a target needs."""
    return make_row(job, "status", target=target, status="skipped", reason=reason)


def make_row(job: Job, metric: str, **fields: Any) -> Row:
    """A row of a job's variant, seed and key."""
    return Row(job.variant.name, job.seed, job.key, metric, **fields)
