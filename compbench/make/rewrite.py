"""An ONNX technique at work in a process of its own: what it runs there may crash."""

from __future__ import annotations

import random
import warnings
from typing import Any

import numpy as np

from compbench.contracts import OnnxTechnique, TrainingData, kinds
from compbench.contracts.inputs import signature_from, signature_json
from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.registry import import_path, registry
from compbench.runtime import inference
from compbench.runtime.process import Arrays, Worker
from compbench.suite.key import options
from compbench.suite.plan import Job


def arrays(data: Data) -> Arrays:
    """The splits by the names that tasks use them under."""
    return {
        **inference.packed("test", data.test),
        **inference.packed_whole("train", data.training.train),
        **inference.packed_whole("validation", data.training.validation),
    }


def rewritten(job: Job, parent: bytes, data: Data, worker: Worker) -> bytes:
    """The file that an ONNX technique makes of its parent's; its warnings are given here.

    Raises JobFailed where it raises anything, or crashes.
    """
    technique = job.variant.technique
    spec = {
        "technique": job.variant.technique_name,
        "options": options(job.variant),
        "task": registry.name_of(type(data.task)),
        "task_options": data.task.model_dump(mode="json"),
        "signature": signature_json(data.signature),
        "seed": job.seed,
        "beside": import_path.folder(),
    }
    if type(technique)(**spec["options"]) != technique:
        raise JobFailed("its options, written as a suite file would, are not the same when read")
    given = {"parent": np.frombuffer(parent, np.uint8)}
    uses = (*worker.names("train/"), *worker.names("validation/"))
    found = worker.call(rewrite, spec, given, uses, silent_s=0)
    for message in found["warnings"].tolist():
        warnings.warn(message, stacklevel=2)
    return found["file"].tobytes()


def rewrite(spec: dict[str, Any], given: Arrays) -> Arrays:
    """What the process does."""
    with import_path.inside(spec["beside"]):
        return _rewrite(spec, given)


def _rewrite(spec: dict[str, Any], given: Arrays) -> Arrays:
    technique = kinds.technique(spec["technique"])(**spec["options"])
    assert isinstance(technique, OnnxTechnique)
    task = kinds.task(spec["task"])(**spec["task_options"])
    train, validation = (inference.split_of(name, given) for name in ("train", "validation"))
    data = TrainingData(train, validation, task, signature_from(spec["signature"]))
    random.seed(spec["seed"])
    np.random.seed(spec["seed"] % 2**32)
    with warnings.catch_warnings(record=True) as said:
        file = technique.rewrite(given["parent"].tobytes(), data)
    if not isinstance(file, bytes):
        name = f"the technique '{spec['technique']}'"
        raise JobFailed(f"{name} gave {type(file).__name__}, not the bytes of an ONNX file")
    return {
        "file": np.frombuffer(file, np.uint8),
        "warnings": np.array([str(one.message) for one in said], np.str_),
    }
