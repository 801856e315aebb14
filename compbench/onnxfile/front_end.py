"""What a file computes of its inputs before anything that is learnt: a spectrogram, say.

The numbers in it may span more than few bits hold: the energies of a spectrum do, until their
logarithm is taken. Techniques that change number formats leave these nodes as they are.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from math import prod

from onnx import ModelProto, TensorProto

from compbench.onnxfile import metadata
from compbench.onnxfile.nodes import fixed


def nodes(model: ModelProto, buffers: Collection[str], parameters: Collection[str]) -> list[str]:
    """The names of its nodes; none where none of them uses a buffer, as then little is computed.

    `buffers` and `parameters` are the initializers of a module by their names there. Others were
    made of either, by folding: of these only single numbers are taken for what is not learnt.
    """
    graph = model.graph
    constants = {
        one.name
        for one in graph.initializer
        if one.name in buffers or one.data_type != TensorProto.FLOAT or prod(one.dims) == 1
    }.difference(parameters)
    inputs = {one.name for one in graph.input}
    reached = fixed(graph.node, constants | inputs) - fixed(graph.node, constants)
    found = [node for node in graph.node if reached.issuperset(filter(None, node.output))]
    uses_buffers = any(not {*buffers}.isdisjoint(node.input) for node in found)
    return [node.name for node in found] if uses_buffers else []


def told(names: Collection[str]) -> dict[str, str]:
    """What the file's metadata says of them."""
    return {metadata.FRONT_END: json.dumps([*names])} if names else {}


def said(model: ModelProto) -> list[str]:
    """Those that its metadata names and that it has; nothing in a file that others made."""
    names = {*json.loads(metadata.read(model).get(metadata.FRONT_END, "[]"))}
    return [node.name for node in model.graph.node if node.name in names]
