"""What a made file says of itself: how raw inputs become its own, and where it comes from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import onnx

from compbench.contracts import Feed
from compbench.data.splits import Data
from compbench.make.store import MODEL, Artifact
from compbench.onnxfile import metadata
from compbench.registry import registry
from compbench.suite.plan import Job

LINEAGE = "lineage"


def described(file: bytes, job: Job, parents: Sequence[Artifact], data: Data) -> bytes:
    """A file with all that its user needs, and nothing that another run of the job would change.

    Variants' names are left out: other suites call the same job otherwise. `parents` are what it
    was made of: of one that was chosen among several, that one.
    """
    graph, said = onnx.load_model_from_string(file).graph, metadata.read(file)
    kept = {name: said[name] for name in metadata.OF_THE_NET if name in said}
    entries = {
        **kept,
        metadata.FEEDS: json.dumps([feed.as_json() for feed in metadata.feeds(file)]),
        "inputs": json.dumps(_inputs(graph)),
        "key": job.key,
        LINEAGE: json.dumps(_lineage(job, parents)),
        "metric": data.task.headline.name,
        metadata.OUTPUT: _output(graph, said.get(metadata.OUTPUT, data.task.output)),
        "outputs": json.dumps(list(data.class_names) or data.signature.outputs, ensure_ascii=False),
        "preprocessing": _preprocessing(metadata.feeds(file), data),
        "version": registry.versions(("compbench",)).get("compbench", "unknown"),
    }
    return metadata.written(file, entries)


def _preprocessing(feeds: Sequence[Feed], data: Data) -> str:
    is_before = any(feed.normalisation for feed in feeds) or not data.signature.in_graph
    return "before the file" if is_before else "in the graph"


def _lineage(job: Job, parents: Sequence[Artifact]) -> list[dict[str, Any]]:
    """Each step once, those it needs before it: technique, key, and the keys of its parents."""
    found: dict[str, dict[str, Any]] = {}
    for parent in parents:
        manifest = parent.manifest
        own = _step(manifest.technique, manifest.key, manifest.parents)
        told = metadata.read(parent.read(MODEL)).get(LINEAGE)
        for step in json.loads(told) if told else [own]:
            found.setdefault(step["key"], step)
    keys = [parent.manifest.key for parent in parents]
    return [*found.values(), _step(job.variant.technique_name, job.key, keys)]


def _step(technique: str, key: str, parents: Sequence[str]) -> dict[str, Any]:
    return {"technique": technique, "key": key, "parents": list(parents)}


def _inputs(graph: onnx.GraphProto) -> dict[str, dict[str, Any]]:
    """What the file takes, by name: its type, and its shape with the names of free axes."""
    held = {tensor.name for tensor in graph.initializer}
    return {
        value.name: {
            "dtype": onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower(),
            "shape": [dim.dim_value or dim.dim_param for dim in value.type.tensor_type.shape.dim],
        }
        for value in graph.input
        if value.name not in held
    }


def _output(graph: onnx.GraphProto, name: str) -> str:
    """The output so called, or the first that a session takes."""
    floats = [o for o in graph.output if o.type.tensor_type.elem_type == onnx.TensorProto.FLOAT]
    named = [o for o in floats if o.name == name]
    fitting = named or [o for o in floats if len(o.type.tensor_type.shape.dim) == 2]
    return (*fitting, *floats, *graph.output, onnx.ValueInfoProto())[0].name
