"""What was measured -> rows."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from compbench.contracts.inputs import Inputs
from compbench.make.known_sizes import KnownSizes
from compbench.make.store import HISTORY, MODEL, Artifact
from compbench.measure import footprint, loadgen
from compbench.measure import profile as measure_profile
from compbench.results import upgrade
from compbench.results.row import Row
from compbench.runtime import process
from compbench.runtime.child import Start, spawned
from compbench.runtime.process import Worker
from compbench.runtime.target import Target
from compbench.suite.plan import Job

CONTROL = "control"  # the A/A arm's name in a launch
_SIZES = (
    *("size_bytes", "packed_bytes", "coded_bytes"),
    *("parameters", "nonzero_parameters", "macs"),
)


def artifact_rows(job: Job, artifact: Artifact, worker: Worker, sizes: KnownSizes) -> list[Row]:
    """What holds on every target: size, cost and training history.

    Raises JobFailed where the file can't be read; a process reads it, since that may crash too.
    """
    found = sizes.of(artifact.path(MODEL), artifact.manifest.files[MODEL], worker)
    values = {name: found[name].item() if name in found else None for name in _SIZES}
    values["make_seconds"] = artifact.manifest.seconds
    if job.variant.technique.teaches and artifact.manifest.asking_seconds is not None:
        values["asking_seconds"] = artifact.manifest.asking_seconds
    rows = [make_row(job, metric, value=value) for metric, value in values.items()]
    file = {
        "sha256": np.array([artifact.manifest.files[MODEL]]),
        "net_sha256": found["net_sha256"].reshape(1),
        "opset": found["opset"].reshape(1),
    }
    weights = {"type": found["type"], "count": found["count"]}
    rows.append(make_row(job, "file", samples=file))
    rows.append(make_row(job, "weights", samples=weights))
    if artifact.manifest.notes:
        rows.append(make_row(job, "notes", samples={"text": np.array(artifact.manifest.notes)}))
    if HISTORY in artifact.manifest.files:
        epochs = json.loads(artifact.read(HISTORY))
        columns = {name: np.array([e[name] for e in epochs]) for name in (epochs or [{}])[0]}
        samples = upgrade.columns(columns)  # of an artifact that an older compbench made, say
        rows.append(make_row(job, "history", value=artifact.manifest.chosen_epoch, samples=samples))
    return rows


def footprint_rows(
    job: Job,
    artifact: Artifact,
    inputs: Inputs,
    name: str,
    target: Target,
    processes: int,
    silent_s: float = process.SILENT_S,
    start: Start = spawned,
) -> list[Row]:
    """Memory and start-up of the file in fresh processes, and its operators by time."""
    file = str(artifact.path(MODEL))
    memory = footprint.footprints(file, target, processes, inputs, silent_s, start)
    operators = measure_profile.profile(file, target, inputs, silent_s, start)
    size = target.batch_sizes[0]
    return [
        make_row(job, "memory_bytes", target=name, batch_size=size, samples=memory),
        make_row(job, "operators", target=name, batch_size=size, samples=operators),
    ]


def scenario_row(
    job: Job,
    artifact: Artifact,
    inputs: Inputs,
    name: str,
    target: Target,
    kind: str,
    silent_s: float = process.SILENT_S,
) -> Row:
    """An MLPerf LoadGen scenario; skipped where LoadGen is not installed. Raises JobFailed."""
    metric = f"loadgen_{kind}"
    if importlib.util.find_spec("mlperf_loadgen") is None:
        reason = "MLPerf LoadGen is not installed: pip install 'compbench[loadgen]'"
        return make_row(job, metric, target=name, status="skipped", reason=reason)
    found = loadgen.scenario(kind, str(artifact.path(MODEL)), target, inputs, silent_s)
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
