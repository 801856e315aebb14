"""ONNX graph -> multiply-accumulates of one image."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper, shape_inference

from compbench.onnxfile.nodes import (
    Constants,
    bodies,
    constants,
    domain,
    every_graph,
    every_node,
    fixed,
    inlined,
    is_known,
    options,
)
from compbench.onnxfile.products import COUNTS, SHAPES, Node, Shape, Unknown

Shapes = Mapping[str, Shape]

# quantized or fused operator -> the one it stands for, and which of its inputs that one has; the
# shapes of those of com.microsoft are unknown to ONNX:
# https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
_STANDS_FOR: dict[str, tuple[str, slice]] = {
    "QLinearConv": ("Conv", slice(0, 6, 3)),
    "QLinearMatMul": ("MatMul", slice(0, 6, 3)),
    "QGemm": ("Gemm", slice(0, 6, 3)),
    "ConvInteger": ("Conv", slice(0, 2)),
    "FusedConv": ("Conv", slice(0, 3)),
    "FusedGemm": ("Gemm", slice(0, 3)),
    "MatMulInteger": ("MatMul", slice(0, 2)),
    "MatMulIntegerToFloat": ("MatMul", slice(0, 2)),
    "DynamicQuantizeMatMul": ("MatMul", slice(0, 2)),
    "DynamicQuantizeLSTM": ("LSTM", slice(0, 8)),
    "MatMulNBits": ("MatMul", slice(0, 2)),
    "QLinearAdd": ("Add", slice(0, 6, 3)),
    "QLinearMul": ("Mul", slice(0, 6, 3)),
    "QLinearConcat": ("Concat", slice(2, None, 3)),
    "QLinearAveragePool": ("AveragePool", slice(0, 1)),
    "QLinearGlobalAveragePool": ("GlobalAveragePool", slice(0, 1)),
    "QLinearLeakyRelu": ("Relu", slice(0, 1)),
    "QLinearSigmoid": ("Sigmoid", slice(0, 1)),
    "QLinearSoftmax": ("Softmax", slice(0, 1)),
    "DequantizeLinear": ("DequantizeLinear", slice(0, 3)),
    "QuantizeLinear": ("QuantizeLinear", slice(0, 3)),
}


_FEW = 1024  # numbers: what is computed from shapes has no more


def macs(model: onnx.ModelProto) -> int | None:
    """Those of all products (see `products`) that depend on the image.

    None where a shape can't be told, or an operator isn't known: it may multiply.
    """
    try:
        plain, images = _plain(model)
        held = {*constants(plain.graph)}
        whole = _of_graph(_with_shapes(_light(plain)).graph, ChainMap(), held)
    except (Unknown, KeyError, IndexError, ValueError, shape_inference.InferenceError):
        return None
    return None if whole % images else whole // images


def _plain(model: onnx.ModelProto) -> tuple[onnx.ModelProto, int]:
    """With operators for floats in the place of quantized ones; and its batch.

    That is one image, or as many as the file always takes.
    """
    plain = onnx.ModelProto()
    plain.CopyFrom(inlined(model))
    graph, images = plain.graph, 1
    held = {w.name for w in graph.initializer}
    for value in graph.input:
        dims = value.type.tensor_type.shape.dim
        if value.name not in held and dims:
            images = dims[0].dim_value or 1
            dims[0].dim_value = images
    for value in graph.output:
        value.type.tensor_type.ClearField("shape")
    del graph.value_info[:]
    for one in every_graph(graph):
        for node in one.node:
            if node.op_type in _STANDS_FOR and is_known(node):
                _stand_in(node, graph)
    return plain, images


def _stand_in(node: onnx.NodeProto, graph: onnx.GraphProto) -> None:
    operator, taken = _STANDS_FOR[node.op_type]
    inputs = list(node.input)[taken]
    if node.op_type == "MatMulNBits":  # its weights are packed: N rows of K numbers
        size, float_type = options(node), onnx.TensorProto.FLOAT
        inputs[1] = f"{node.output[0]} unpacked"
        shape = [size["K"], size["N"]]
        graph.input.append(helper.make_tensor_value_info(inputs[1], float_type, shape))
    del node.input[:]
    node.input.extend(inputs)
    node.op_type, node.domain = operator, ""


def _light(model: onnx.ModelProto) -> onnx.ModelProto:
    """With large weights as inputs: their shapes are all that matters, and copies are cheap."""
    graph = model.graph
    large = [w for w in graph.initializer if prod(w.dims) > _FEW]
    small = [w for w in graph.initializer if prod(w.dims) <= _FEW]
    inputs = {value.name for value in graph.input}
    graph.input.extend(
        helper.make_tensor_value_info(w.name, w.data_type, w.dims)
        for w in large
        if w.name not in inputs
    )
    del graph.initializer[:]
    graph.initializer.extend(small)
    return model


def _with_shapes(model: onnx.ModelProto) -> onnx.ModelProto:
    """With the shapes that ONNX infers; where it can't, what is told here, after which it goes on.

    Told are shapes by `SHAPES`, and the values of what is computed from shapes alone.
    """
    inferred = shape_inference.infer_shapes(model, data_prop=True)
    graph, shapes = inferred.graph, _shapes(inferred.graph)
    told = {
        name: shape
        for node in graph.node
        for name, shape in _told(node, shapes)
        if name and name not in shapes
    }
    new = told.keys() | _folded(inferred, shapes)
    if not new:
        return inferred
    kept = [value for value in graph.value_info if value.name not in new]
    del graph.value_info[:]
    graph.value_info.extend(kept)
    for name, shape in told.items():
        graph.value_info.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))
    for value in graph.output:
        if value.name in new:
            value.type.tensor_type.ClearField("shape")
    return _with_shapes(inferred)


def _folded(model: onnx.ModelProto, shapes: Shapes) -> set[str]:
    """Put the values of what only depends on shapes in its place; the names of what was new."""
    graph = model.graph
    values, new, left = constants(graph), set[str](), []
    for node in graph.node:
        made = _value(node, values, shapes, model)
        if made is None:
            left.append(node)
            continue
        name = node.output[0]
        values[name] = made
        graph.initializer.append(numpy_helper.from_array(made, name))
        new.add(name)
    del graph.node[:]
    graph.node.extend(left)
    return new


def _value(
    node: onnx.NodeProto, values: Constants, shapes: Shapes, model: onnx.ModelProto
) -> NDArray[Any] | None:
    """What a node gives, where that is a few whole numbers that no image changes."""
    if domain(node) or node.op_type == "Constant" or len(node.output) != 1 or any(bodies(node)):
        return None
    if node.op_type in ("Shape", "Size"):
        if node.input[0] not in shapes:
            return None
        given = {node.input[0]: np.broadcast_to(np.float32(0), shapes[node.input[0]])}
    else:
        given = {name: values[name] for name in node.input if name in values}
        names = {name for name in node.input if name}
        if not names or given.keys() < names or any(a.size > _FEW for a in given.values()):
            return None
        if any(a.dtype.kind not in "iub" for a in given.values()) and node.op_type != "Cast":
            return None
    from onnx.reference import ReferenceEvaluator

    graph = helper.make_graph(
        [node],
        "a node",
        [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
            for n, a in given.items()
        ],
        [onnx.ValueInfoProto(name=node.output[0])],
    )
    alone = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    try:
        results: Any = ReferenceEvaluator(alone).run(None, given)
    except Exception:  # of many kinds: what it can't compute stays as it is
        return None
    made = np.asarray(results[0])
    return made if made.size <= _FEW and made.dtype.kind in "iub" else None


def _told(node: onnx.NodeProto, shapes: Shapes) -> list[tuple[str, Shape]]:
    tell = SHAPES.get(domain(node), {}).get(node.op_type)
    try:
        return list(zip(node.output, tell(Node(node, shapes)), strict=False)) if tell else []
    except Unknown:
        return []


def _shapes(graph: onnx.GraphProto) -> dict[str, Shape]:
    """The shape of every tensor that has one; an unknown dimension leaves it out."""
    shapes = {name: tuple(array.shape) for name, array in constants(graph).items()}
    for value in (*graph.input, *graph.output, *graph.value_info):
        dims = value.type.tensor_type.shape.dim
        is_known = value.type.tensor_type.HasField("shape")
        if is_known and all(dim.HasField("dim_value") for dim in dims):
            shapes.setdefault(value.name, tuple(dim.dim_value for dim in dims))
    return shapes


def _of_graph(graph: onnx.GraphProto, above: ChainMap[str, Shape], known: set[str]) -> int:
    """Of a graph inside others, whose shapes are seen from it; `known` tensors are constant."""
    held = constants(graph)
    shapes = above.new_child(_shapes(graph))
    known = fixed(graph.node, known | held.keys())
    return sum(
        _of_node(node, shapes, known, held)
        for node in graph.node
        if any(bodies(node)) or not known.issuperset(node.output)
    )


def _of_node(
    node: onnx.NodeProto, shapes: ChainMap[str, Shape], known: set[str], held: Constants
) -> int:
    if not is_known(node):
        raise Unknown
    inner = [_of_graph(body, shapes, known) for body in bodies(node)]
    if inner:
        return _times(node, inner, shapes, held) if any(inner) else 0
    count = COUNTS.get(domain(node), {}).get(node.op_type)
    return count(Node(node, shapes)) if count else 0


def _times(node: onnx.NodeProto, inner: list[int], shapes: Shapes, held: Constants) -> int:
    """What a node computes with its bodies: branches of equal cost, or a known number of rounds."""
    settings = options(node)
    if node.op_type == "If" and inner[0] == inner[1]:
        return inner[0]
    if node.op_type == "Scan":
        count = settings["num_scan_inputs"]
        axis = settings.get("scan_input_axes", [0])[0]
        return Node(node, shapes).input(len(node.input) - count)[axis] * inner[0]
    if node.op_type == "Loop" and node.input[0] in held and _never_stops(node, held):
        return int(held[node.input[0]].item()) * inner[0]
    raise Unknown


def _never_stops(node: onnx.NodeProto, held: Constants) -> bool:
    """Whether a loop's condition is always true."""
    name, body = node.input[1], options(node)["body"]
    if name and not (name in held and held[name].all()):
        return False
    again = body.output[0].name
    maker: Any = next((n for n in every_node(body) if again in n.output), None)
    if maker is not None and maker.op_type == "Identity":
        again = maker.input[0]
    inside = constants(body)
    return again == body.input[1].name or bool(again in inside and inside[again].all())
