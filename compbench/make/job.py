"""One job -> the files of its artifact: build or rewrite, export, check parity."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from compbench.contracts import (
    Epoch,
    Locate,
    LoweringTechnique,
    ModelFamily,
    OnnxTechnique,
    Predictor,
    PredictorTechnique,
    RootTechnique,
    TorchTechnique,
    TrainingData,
    own_model,
)
from compbench.data.splits import Data
from compbench.errors import JobFailed, one_line, told
from compbench.make import checkpoint, choice, determinism, module_check, rewrite
from compbench.make.description import described
from compbench.make.file_module import FileModule
from compbench.make.latency import Measure, of_nets
from compbench.make.shape_check import refuse_misshapen
from compbench.make.store import CHECKPOINT, HISTORY, LOGITS, MODEL, Artifact, Manifest
from compbench.onnxfile import foreign, metadata
from compbench.onnxfile.export import to_onnx, torch_outputs, without_notes
from compbench.onnxfile.feeding import refed
from compbench.onnxfile.parity import parity
from compbench.registry.location import located
from compbench.runtime import inference
from compbench.runtime.process import Worker
from compbench.runtime.target import Target
from compbench.suite.plan import Job
from compbench.training.loop import Fit


@dataclass(frozen=True)
class Parent:
    """A parent's artifact and the model family that its checkpoint is loaded into."""

    artifact: Artifact
    root_model: ModelFamily | None


def make(
    job: Job,
    parents: Sequence[Parent],
    data: Data,
    on_epoch: Callable[[Epoch, int], None],
    worker: Worker | None = None,
    unfinished: Path | None = None,
    measure: Measure | None = None,
    on_part: Callable[[float, int], None] | None = None,
    on_news: Callable[[str, float | None], None] | None = None,
) -> tuple[Manifest, dict[str, bytes]]:
    """Make a job's artifact in memory; ONNX files are run in the `worker`, which has the data.

    States of its trainings are kept in the folder `unfinished`, if there is one: where a run was
    killed, the next one goes on from there, and gives the same artifact. `measure` compares the
    latencies of two files, for techniques that go by them. `on_epoch`, `on_part` and `on_news` are
    those of `Fit`.

    Raises JobFailed where that can't be done right.
    """
    if worker is None:
        with Worker(rewrite.arrays(data)) as worker:
            given = (job, parents, data, on_epoch, worker, unfinished, measure, on_part, on_news)
            return make(*given)
    started = time.perf_counter()
    fit, notes, made_of = None, [], [parent.artifact for parent in parents]
    with determinism.held(job.parts["threads"]):
        if job.variant.chooses:
            taken = choice.chosen(job, made_of, data, worker, notes.append)
            files = {n: taken.read(n) for n in taken.manifest.files if n != HISTORY}
            made_of = [taken]
        elif job.variant.uses_torch:
            latency = of_nets(measure, data.training) if measure else None
            fit = Fit(data.training, job.seed, on_epoch, unfinished, latency, on_part, on_news)
            files = _from_torch(job, parents, data, fit, worker)
        elif isinstance(job.variant.technique, RootTechnique):
            files = {MODEL: _from_file(job.variant.technique, job, data, worker, notes.append)}
        else:
            files = {MODEL: _from_onnx(job, parents, data, worker)}
    _refuse_misshapen_file(files[MODEL], job, data)
    files[MODEL] = described(files[MODEL], job, made_of, data)
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
        asking_seconds=fit.asking_seconds if fit else None,
        chosen_epoch=fit.chosen_epoch if fit else None,
        notes=tuple(fit.notes if fit else notes),
    )
    return manifest, files


def _from_torch(
    job: Job, parents: Sequence[Parent], data: Data, fit: Fit, worker: Worker
) -> dict[str, bytes]:
    technique, training = job.variant.technique, data.training
    try:
        net = own_model(technique)
        if net is not None:  # said before anything is trained
            module_check.refuse_misfit(net, training)
            checkpoint.refuse_unstorable(lambda: _new(job, data), training)
        parent_modules = [_module(parent, training) for parent in parents]
        determinism.seed(job.seed)
        if isinstance(technique, LoweringTechnique):
            lowered = technique.lower(parent_modules, training, fit)
            return {MODEL: _checked(lowered, _name(job), training), HISTORY: _history(fit)}
        if isinstance(technique, PredictorTechnique):
            predictor = technique.learn(parent_modules, training, fit)
            return _from_predictor(predictor, technique.library, job, data, worker)
        if isinstance(technique, RootTechnique):
            made: Any = technique.load(_locate(job), training, fit.note)
        else:
            assert isinstance(technique, TorchTechnique)
            made = technique.build(parent_modules, training, fit)
        model = module_check.checked(made, _name(job), training)
        determinism.compute_in_float32()  # whatever the technique chose for its own arithmetic
    except ValueError as error:
        raise JobFailed(str(error)) from error
    reference = torch_outputs(model, training, data.test.batches(inference.BATCH))
    stored = checkpoint.to_bytes(model)
    checkpoint.refuse_drift(stored, _new(job, data), model, training)
    file = to_onnx(model, training.signature)
    _refuse_other_outputs(file, reference, data, worker, "torch")
    return {
        MODEL: file,
        CHECKPOINT: stored,
        HISTORY: _history(fit),
        LOGITS: _npy(reference),
    }


def _from_predictor(
    made: Any, library: str, job: Job, data: Data, worker: Worker
) -> dict[str, bytes]:
    """The file of another library's model, held to what the library gives for the test samples."""
    if not isinstance(made, Predictor):
        raise JobFailed(f"{_name(job)} gave {type(made).__name__}, not a Predictor")
    file = _checked(made.file, _name(job), data.training)
    given = [made.outputs(raw) for raw in data.test.batches(inference.BATCH)]
    reference = np.concatenate(given).astype(np.float32, copy=False)
    refuse_misshapen(reference.shape, data.test.targets, data, library)
    _refuse_other_outputs(file, reference, data, worker, library)
    return {MODEL: file, LOGITS: _npy(reference)}


def _refuse_other_outputs(
    file: bytes, reference: NDArray[np.float32], data: Data, worker: Worker, library: str
) -> None:
    """Raises JobFailed where a file, run on the CPU, does not give what the library gave."""
    given = inference.infer(worker, file, Target(), "test").outputs["test"]
    refuse_misshapen(given.shape, data.test.targets, data, "the exported file")
    complaint = parity(reference, given, data.task).complaint("the CPU", library=library)
    if complaint:
        raise JobFailed(complaint)


def _new(job: Job, data: Data) -> torch.nn.Module:
    """The net that a checkpoint of this job is loaded into."""
    assert job.variant.root_model is not None
    return job.variant.root_model.build(data.signature)


def _module(parent: Parent, data: TrainingData) -> torch.nn.Module:
    """A parent's module; where there is none, its file is run in this process, as a teacher."""
    if CHECKPOINT not in parent.artifact.manifest.files or parent.root_model is None:
        return FileModule(parent.artifact.read(MODEL), data)
    module = parent.root_model.build(data.signature)
    return checkpoint.load(str(parent.artifact.path(CHECKPOINT)), module)


def _locate(job: Job) -> Locate:
    return partial(located, folders=job.folders)


def _from_file(
    technique: RootTechnique, job: Job, data: Data, worker: Worker, note: Callable[[str], None]
) -> bytes:
    """A file that was there already, run once to see what it gives."""
    try:
        found = technique.load(_locate(job), data.training, note)
    except ValueError as error:
        raise JobFailed(str(error)) from error
    if isinstance(found, torch.nn.Module):
        raise JobFailed(f"{_name(job)} gave a module, but names no net to build it again from")
    file = _checked(found, _name(job), data.training)
    given = inference.infer(worker, file, Target(), "validation").outputs["validation"]
    refuse_misshapen(given.shape, data.training.validation.targets, data, "the file")
    said = metadata.read(file)
    if metadata.OUTPUT_IS not in said and data.task.has_classes and _are_probabilities(given):
        note("its outputs are probabilities: where nets are distilled from it, their logarithms")
        said[metadata.OUTPUT_IS] = metadata.PROBABILITIES
    if said.get(metadata.OUTPUT_IS) == metadata.PROBABILITIES and not data.task.has_classes:
        raise JobFailed("outputs that are probabilities are for classes of which one is right")
    if metadata.OUTPUT_IS not in said and not data.task.has_classes:
        _refuse_likely_probabilities(given, data)
    return metadata.written(file, said)


def _refuse_likely_probabilities(outputs: NDArray[np.float32], data: Data) -> None:
    """Raises JobFailed where logits are wanted and all outputs are as probabilities are."""
    if data.task.output == "logits" and outputs.min() >= 0 and outputs.max() <= 1:
        raise JobFailed(
            "its outputs are all in 0 to 1, as probabilities are, but logits are wanted; if they "
            'are logits, say output_is = "logits"'
        )


def _are_probabilities(outputs: NDArray[np.float32]) -> bool:
    """Whether each sample's outputs are shares of 1."""
    sums = outputs.sum(-1, dtype=np.float64)
    return bool((outputs >= 0).all() and np.allclose(sums, 1, atol=1e-3))


def _from_onnx(job: Job, parents: Sequence[Parent], data: Data, worker: Worker) -> bytes:
    assert isinstance(job.variant.technique, OnnxTechnique)
    parent = parents[0].artifact.read(MODEL)
    found = rewrite.rewritten(job, parent, data, worker)
    return _checked(found, _name(job), data.training, parent)


def _checked(file: Any, technique: str, data: TrainingData, parent: bytes = b"") -> bytes:
    """A file that a technique made, fed as it says, or as its parent is. Raises JobFailed."""
    if not isinstance(file, bytes):
        raise JobFailed(f"{technique} gave {type(file).__name__}, not the bytes of an ONNX file")
    try:
        model = onnx.load_model_from_string(file)
        others = foreign.elsewhere(model)
        if others:
            names = one_line(", ".join(others))
            raise JobFailed(f"its weights are in other files ({names}): save all in one")
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError) as error:
        raise JobFailed(f"{technique} gave no valid ONNX file: {told(error)}") from error
    said, inherited = metadata.read(file), metadata.read(parent) if parent else {}
    feeds = metadata.feeds(model)
    try:
        feeds = feeds or refed(model, metadata.feeds(parent) if parent else (), data.signature)
    except ValueError as error:
        raise JobFailed(f"{technique}: {error}") from error
    names = {output.name for output in model.graph.output}
    kept = {n: v for n in metadata.OF_THE_NET if (v := said.get(n, inherited.get(n))) is not None}
    if kept.get(metadata.OUTPUT) not in names:
        kept.pop(metadata.OUTPUT, None)
    return metadata.fed(metadata.written(without_notes(model), kept), feeds)


def _refuse_misshapen_file(file: bytes, job: Job, data: Data) -> None:
    """Raises JobFailed where a file says that its outputs are not as the task's."""
    wanted = data.task.output_shape(data.test.targets, data.signature.outputs)
    model = onnx.load_model_from_string(file)
    counts = metadata.read(model).get(metadata.OUTPUT)
    for output in (one for one in model.graph.output if counts in (None, one.name)):
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
