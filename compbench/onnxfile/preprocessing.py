"""The first nodes of a file, which make of its inputs what a net learns from: a spectrogram, say.

Nothing in them is learnt, and their numbers span more than few bits hold: a spectrum's energies lie
within 8 bits before their logarithm is taken, not after. Techniques that change number formats
leave them as they are.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from math import prod
from typing import TYPE_CHECKING

from compbench.onnxfile.metadata import FIXED_NODES, PREFIX
from compbench.onnxfile.nodes import bodies

if TYPE_CHECKING:
    from onnx import ModelProto


def nodes(model: ModelProto, fixed: Collection[str], learnt: Collection[str]) -> list[str]:
    """The names of the nodes that inputs go through before anything that is learnt.

    `fixed` and `learnt` are initializers: the buffers of a module, and its parameters. Of others,
    which were made of those, single numbers are taken for fixed. Nothing where none of the fixed
    ones is used.
    """
    from onnx import TensorProto

    constants = {one.name: one for one in model.graph.initializer}
    ends = {*learnt}
    for name, one in constants.items():
        if one.data_type == TensorProto.FLOAT and name not in fixed and prod(one.dims) > 1:
            ends.add(name)
    reached = {one.name for one in model.graph.input} - {*constants}
    names, is_used = [], False
    for node in model.graph.node:  # in the order they run
        computed = {name for name in node.input if name} - {*constants}
        if computed and computed <= reached and not ends & {*node.input} and not any(bodies(node)):
            names.append(node.name)
            reached |= {*node.output}
            is_used |= bool({*fixed} & {*node.input})
    return names if is_used else []


def entry(names: Sequence[str]) -> dict[str, str]:
    """What the file's metadata says of them."""
    return {FIXED_NODES: json.dumps(names)} if names else {}


def said(model: ModelProto) -> list[str]:
    """Those that its metadata names and that it has; nothing in a file that others made."""
    found = {one.key: one.value for one in model.metadata_props}
    present = {node.name for node in model.graph.node}
    return [n for n in json.loads(found.get(PREFIX + FIXED_NODES, "[]")) if n in present]
