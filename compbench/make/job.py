"""One job -> the files of its artifact: build or rewrite, export, check parity."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from compbench.contracts import (
    Epoch,
    Feed,
    LoweringTechnique,
    ModelFamily,
    OnnxTechnique,
    TorchTechnique,
    TrainingData,
    own_model,
)
from compbench.data.splits import Data
from compbench.errors import JobFailed, told
from compbench.make import checkpoint, determinism, module_check, rewrite
from compbench.make.description import described
from compbench.make.shape_check import refuse_misshapen
from compbench.make.store import CHECKPOINT, HISTORY, LOGITS, MODEL, Artifact, Manifest
from compbench.onnxfile import metadata
from compbench.onnxfile.export import to_onnx, torch_outputs, without_notes
from compbench.onnxfile.parity import parity
from compbench.runtime import inference
from compbench.runtime.process import Worker
from compbench.runtime.target import Target
from compbench.suite.plan import Job
from compbench.training.loop import Fit


@dataclass(frozen=True)
class Parent:
    """A parent's artifact and the model family that its checkpoint is loaded into."""

    artifact: Artifact
    root_model: ModelFamily


def make(
    job: Job,
    parents: Sequence[Parent],
    data: Data,
    on_epoch: Callable[[Epoch, int], None],
    worker: Worker | None = None,
    unfinished: Path | None = None,
) -> tuple[Manifest, dict[str, bytes]]:
    """Make a job's artifact in memory; ONNX files are run in the `worker`, which has the data.

    States of its trainings are kept in the folder `unfinished`, if there is one: where a run was
    killed, the next one goes on from there, and gives the same artifact.

    Raises JobFailed where that can't be done right.
    """
    if worker is None:
        with Worker(rewrite.arrays(data)) as worker:
            return make(job, parents, data, on_epoch, worker, unfinished)
    started = time.perf_counter()
    fit = None
    with determinism.held(job.parts["threads"]):
        if job.variant.uses_torch:
            fit = Fit(data.training, job.seed, on_epoch, unfinished)
            files = _from_torch(job, parents, data, fit, worker)
        else:
            files = {MODEL: _from_onnx(job, parents, data, worker)}
    _refuse_misshapen_file(files[MODEL], job, data)
    files[MODEL] = described(files[MODEL], job, [p.artifact for p in parents], data)
    manifest = Manifest(
        key=job.key,
        variant=job.variant.name,
        technique=job.variant.technique_name,
        seed=job.seed,
        parents=job.parent_keys,
        files={},
        versions=job.parts["libraries"],
        parts=dict(job.parts),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=time.perf_counter() - started + (fit.earlier_seconds if fit else 0),
        samples_seen=fit.samples_seen if fit else 0,
        chosen_epoch=fit.chosen_epoch if fit else None,
        notes=tuple(fit.notes) if fit else (),
    )
    return manifest, files


def _from_torch(
    job: Job, parents: Sequence[Parent], data: Data, fit: Fit, worker: Worker
) -> dict[str, bytes]:
    technique, training = job.variant.technique, data.training
    parent_modules = []
    try:
        net = own_model(technique)
        if net is not None:  # said before anything is trained
            module_check.refuse_misfit(net, training)
            checkpoint.refuse_unstorable(lambda: _new(job, data), training)
        for parent in parents:
            module = parent.root_model.build(training.signature)
            parent_modules.append(checkpoint.load(str(parent.artifact.path(CHECKPOINT)), module))
        determinism.seed(job.seed)
        if isinstance(technique, LoweringTechnique):
            lowered = technique.lower(parent_modules, training, fit)
            return {MODEL: _checked(lowered, _name(job), training), HISTORY: _history(fit)}
        assert isinstance(technique, TorchTechnique)
        model = module_check.checked(
            technique.build(parent_modules, training, fit), _name(job), training
        )
        determinism.compute_in_float32()  # whatever the technique chose for its own arithmetic
    except ValueError as error:
        raise JobFailed(str(error)) from error
    reference = torch_outputs(model, training, data.test.batches(inference.BATCH))
    stored = checkpoint.to_bytes(model)
    checkpoint.refuse_drift(stored, _new(job, data), model, training)
    file = to_onnx(model, training.signature)
    given = inference.infer(worker, file, Target(), "test").outputs["test"]
    refuse_misshapen(given.shape, data.test.targets, data, "the exported file")
    complaint = parity(reference, given, data.task).complaint("the CPU")
    if complaint:
        raise JobFailed(complaint)
    return {
        MODEL: file,
        CHECKPOINT: stored,
        HISTORY: _history(fit),
        LOGITS: _npy(reference),
    }


def _new(job: Job, data: Data) -> torch.nn.Module:
    """The net that a checkpoint of this job is loaded into."""
    return job.variant.root_model.build(data.signature)


def _from_onnx(job: Job, parents: Sequence[Parent], data: Data, worker: Worker) -> bytes:
    assert isinstance(job.variant.technique, OnnxTechnique)
    parent = parents[0].artifact.read(MODEL)
    found = rewrite.rewritten(job, parent, data, worker)
    return _checked(found, _name(job), data.training, metadata.feeds(parent))


def _checked(
    file: bytes, technique: str, data: TrainingData, feeds: tuple[Feed, ...] = ()
) -> bytes:
    """A file that a technique made, fed as it says, or as its parent is. Raises JobFailed."""
    if not isinstance(file, bytes):
        raise JobFailed(f"{technique} gave {type(file).__name__}, not the bytes of an ONNX file")
    try:
        model = onnx.load_model_from_string(file)
        weights = model.graph.initializer
        elsewhere = {e.value for w in weights for e in w.external_data if e.key == "location"}
        if elsewhere:
            names = ", ".join(sorted(elsewhere))
            raise JobFailed(f"its weights are in other files ({names}): save all in one")
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError) as error:
        raise JobFailed(f"{technique} gave no valid ONNX file: {told(error)}") from error
    said = metadata.feeds(model) or feeds or data.signature.feeds()
    return metadata.fed(without_notes(model), said)


def _refuse_misshapen_file(file: bytes, job: Job, data: Data) -> None:
    """Raises JobFailed where a file says that its outputs are not as the task's."""
    wanted = data.task.output_shape(data.test.targets, data.signature.outputs)
    for output in onnx.load_model_from_string(file).graph.output:
        tensor = output.type.tensor_type
        dims = tensor.shape.dim
        if tensor.elem_type == onnx.TensorProto.FLOAT and len(dims) == len(wanted):
            said = (dim.dim_value for dim in list(dims)[1:])
            shape = (wanted[0], *(a or b for a, b in zip(said, wanted[1:], strict=True)))
            refuse_misshapen(shape, data.test.targets, data, job.variant.technique_name)
            return


def _name(job: Job) -> str:
    return f"the technique '{job.variant.technique_name}'"


def _history(fit: Fit) -> bytes:
    return json.dumps([asdict(epoch) for epoch in fit.history], indent=1).encode() + b"\n"


def _npy(array: NDArray[np.float32]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
