"""One job -> the files of its artifact: build or rewrite, export, check parity."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from compbench import accuracy, checkpoint, plan
from compbench.contracts import (
    LoweringTechnique,
    ModelFamily,
    OnnxTechnique,
    TorchTechnique,
)
from compbench.data import Data
from compbench.errors import JobFailed
from compbench.export import refuse_misshapen, settled, to_onnx, torch_logits, without_notes
from compbench.fit import Epoch, Fit
from compbench.parity import MOST_LOGIT_DIFFERENCE, parity
from compbench.plan import Job
from compbench.session import cpu_session
from compbench.store import CHECKPOINT, HISTORY, LOGITS, MODEL, Artifact, Manifest


@dataclass(frozen=True)
class Parent:
    """A parent's artifact and the model family that its checkpoint is loaded into."""

    artifact: Artifact
    root_model: ModelFamily


def make(
    job: Job, parents: Sequence[Parent], data: Data, on_epoch: Callable[[Epoch, int], None]
) -> tuple[Manifest, dict[str, bytes]]:
    """Make a job's artifact in memory. Raises JobFailed where that can't be done right."""
    started = time.perf_counter()
    fit = None
    if job.variant.uses_torch:
        fit = Fit(data.training, job.seed, on_epoch)
        files = _from_torch(job, parents, data, fit)
    else:
        files = {MODEL: _from_onnx(job, parents, data)}
    _refuse_misshapen_file(files[MODEL], job, data)
    manifest = Manifest(
        key=job.key,
        variant=job.variant.name,
        technique=job.variant.technique_name,
        seed=job.seed,
        parents=job.parent_keys,
        files={},
        versions=plan.libraries(job.variant),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=time.perf_counter() - started,
        samples_seen=fit.samples_seen if fit else 0,
        chosen_epoch=fit.chosen_epoch if fit else None,
        notes=tuple(fit.notes) if fit else (),
    )
    return manifest, files


def _from_torch(job: Job, parents: Sequence[Parent], data: Data, fit: Fit) -> dict[str, bytes]:
    technique, training = job.variant.technique, data.training
    modules = []
    try:
        if job.variant.root_model not in [parent.root_model for parent in parents]:
            checkpoint.refuse_unstorable(lambda: _new(job, data), training.train.images[:2])
        for parent in parents:
            module = parent.root_model.build(training.shape, training.classes)
            modules.append(checkpoint.load(str(parent.artifact.path(CHECKPOINT)), module))
        torch.manual_seed(job.seed)
        if isinstance(technique, LoweringTechnique):
            lowered = technique.lower(modules, training, fit)
            return {MODEL: _checked(lowered), HISTORY: _history(fit)}
        assert isinstance(technique, TorchTechnique)
        model = settled(technique.build(modules, training, fit))
    except ValueError as error:
        raise JobFailed(str(error)) from error
    reference = torch_logits(model, data.test.images)
    what = job.variant.technique_name
    refuse_misshapen(reference.shape, len(data.test), training.classes, what)
    stored = checkpoint.to_bytes(model)
    checkpoint.refuse_drift(stored, _new(job, data), model, data.test.images)
    file = to_onnx(model, training.shape)
    found = parity(reference, accuracy.logits(cpu_session(file), data.test.images))
    if not found.max_abs_difference <= MOST_LOGIT_DIFFERENCE:
        raise JobFailed(found.complaint("the CPU"))
    return {
        MODEL: file,
        CHECKPOINT: stored,
        HISTORY: _history(fit),
        LOGITS: _npy(reference),
    }


def _new(job: Job, data: Data) -> torch.nn.Module:
    """The net that a checkpoint of this job is loaded into."""
    return job.variant.root_model.build(data.training.shape, data.training.classes)


def _from_onnx(job: Job, parents: Sequence[Parent], data: Data) -> bytes:
    technique = job.variant.technique
    assert isinstance(technique, OnnxTechnique)
    return _checked(technique.rewrite(parents[0].artifact.read(MODEL), data.training))


def _checked(file: bytes) -> bytes:
    model = onnx.load_model_from_string(file)
    onnx.checker.check_model(model)
    return without_notes(model)


def _refuse_misshapen_file(file: bytes, job: Job, data: Data) -> None:
    """Raises JobFailed where a file says that its output is something else than (N, classes)."""
    output = onnx.load_model_from_string(file).graph.output[0].type.tensor_type
    if output.HasField("shape"):
        classes, count = data.training.classes, len(data.test)
        known = [dim.dim_value for dim in output.shape.dim]
        shape = [count, *(size or classes for size in known[1:])]
        refuse_misshapen(shape, count, classes, job.variant.technique_name)


def _history(fit: Fit) -> bytes:
    return json.dumps([asdict(epoch) for epoch in fit.history], indent=1).encode() + b"\n"


def _npy(array: NDArray[np.float32]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
