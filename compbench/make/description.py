"""What a made file says of itself: how pixels become its input, and where it comes from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import onnx

from compbench.data.splits import Data
from compbench.make.store import MODEL, Artifact
from compbench.onnxfile import metadata
from compbench.registry import registry
from compbench.suite.plan import Job

LINEAGE = "lineage"
METRIC = "accuracy"


def described(file: bytes, job: Job, parents: Sequence[Artifact], data: Data) -> bytes:
    """A file with all that its user needs, and nothing that another run of the job would change.

    Variants' names are left out: other suites call the same job otherwise.
    """
    graph = onnx.load_model_from_string(file).graph
    names = job.parts.get("class_names") or data.training.classes
    return metadata.written(
        file,
        {
            "classes": json.dumps(names, ensure_ascii=False),
            "input": _input(graph),
            "input_dtype": "float32",
            "input_layout": "NCHW",
            "input_shape": json.dumps([_batch(graph), *data.training.shape]),
            "key": job.key,
            LINEAGE: json.dumps(_lineage(job, parents)),
            "mean": json.dumps(data.mean),
            "metric": METRIC,
            "normalisation": "(pixels / 255 - mean) / std, pixels being uint8 from 0 to 255",
            "output": _output(graph),
            "std": json.dumps(data.std),
            "version": registry.versions(("compbench",)).get("compbench", "unknown"),
        },
    )


def _lineage(job: Job, parents: Sequence[Artifact]) -> list[dict[str, Any]]:
    """Each step once, those it needs before it: technique, key, and the keys of its parents."""
    found: dict[str, dict[str, Any]] = {}
    for parent in parents:
        manifest = parent.manifest
        own = _step(manifest.technique, manifest.key, manifest.parents)
        told = metadata.read(parent.read(MODEL)).get(LINEAGE)
        for step in json.loads(told) if told else [own]:
            found.setdefault(step["key"], step)
    return [*found.values(), _step(job.variant.technique_name, job.key, job.parent_keys)]


def _step(technique: str, key: str, parents: Sequence[str]) -> dict[str, Any]:
    return {"technique": technique, "key": key, "parents": list(parents)}


def _input(graph: onnx.GraphProto) -> str:
    return _images(graph).name


def _batch(graph: onnx.GraphProto) -> int | str:
    """How many images the file takes: any, or always so many."""
    dims = _images(graph).type.tensor_type.shape.dim
    return (dims[0].dim_value if dims else 0) or "batch"


def _images(graph: onnx.GraphProto) -> onnx.ValueInfoProto:
    held = {tensor.name for tensor in graph.initializer}
    values = (value for value in graph.input if value.name not in held)
    return next(values, onnx.ValueInfoProto())  # a file without inputs fails where it is run


def _output(graph: onnx.GraphProto) -> str:
    """The first output that can be logits, as a session looks for it."""
    floats = [o for o in graph.output if o.type.tensor_type.elem_type == onnx.TensorProto.FLOAT]
    fitting = [o for o in floats if len(o.type.tensor_type.shape.dim) == 2]
    return (*fitting, *floats, *graph.output, onnx.ValueInfoProto())[0].name
