"""ONNX graph -> multiply-accumulates of one image."""

from __future__ import annotations

from math import prod

import onnx
from onnx import helper, shape_inference

Shapes = dict[str, tuple[int, ...]]

# quantized operator -> the one it stands for, and which of its inputs that one has; the shapes of
# those of com.microsoft are unknown to ONNX:
# https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
_STANDS_FOR: dict[str, tuple[str, slice]] = {
    "QLinearConv": ("Conv", slice(0, 6, 3)),
    "QLinearMatMul": ("MatMul", slice(0, 6, 3)),
    "QGemm": ("Gemm", slice(0, 6, 3)),
    "ConvInteger": ("Conv", slice(0, 2)),
    "MatMulInteger": ("MatMul", slice(0, 2)),
    "MatMulIntegerToFloat": ("MatMul", slice(0, 2)),
    "DynamicQuantizeMatMul": ("MatMul", slice(0, 2)),
    "MatMulNBits": ("MatMul", slice(0, 2)),
    "QLinearAdd": ("Add", slice(0, 6, 3)),
    "QLinearMul": ("Mul", slice(0, 6, 3)),
    "QLinearConcat": ("Concat", slice(2, None, 3)),
    "QLinearAveragePool": ("AveragePool", slice(0, 1)),
    "QLinearGlobalAveragePool": ("GlobalAveragePool", slice(0, 1)),
    "QLinearLeakyRelu": ("Relu", slice(0, 1)),
    "QLinearSigmoid": ("Sigmoid", slice(0, 1)),
    "QLinearSoftmax": ("Softmax", slice(0, 1)),
}


def macs(model: onnx.ModelProto) -> int | None:
    """Those of convolutions and matrix products; None where a shape can't be told."""
    plain = _plain(model)
    try:
        shapes = _shapes(plain)
        return sum(_of_node(node, shapes) for node in plain.graph.node)
    except (KeyError, shape_inference.InferenceError):
        return None


def _plain(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph for one image with operators for floats in the place of quantized ones."""
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    for value in (*plain.graph.input, *plain.graph.output):
        if value.type.HasField("tensor_type") and value.type.tensor_type.shape.dim:
            value.type.tensor_type.shape.dim[0].dim_value = 1
    del plain.graph.value_info[:]
    for node in plain.graph.node:
        if node.op_type not in _STANDS_FOR:
            continue
        operator, taken = _STANDS_FOR[node.op_type]
        inputs = list(node.input)[taken]
        if node.op_type == "MatMulNBits":  # its weights are packed: N rows of K numbers
            size = {a.name: a.i for a in node.attribute}
            inputs[1] = f"{node.output[0]} unpacked"
            weight = helper.make_tensor_value_info(
                inputs[1], onnx.TensorProto.FLOAT, [size["K"], size["N"]]
            )
            plain.graph.input.append(weight)
        del node.input[:]
        node.input.extend(inputs)
        node.op_type = operator
        node.domain = ""
    return plain


def _shapes(model: onnx.ModelProto) -> Shapes:
    """The shape of every tensor that has one; an unknown dimension leaves it out."""
    graph = shape_inference.infer_shapes(model, data_prop=True).graph
    shapes = {w.name: tuple(w.dims) for w in graph.initializer}
    for value in (*graph.input, *graph.output, *graph.value_info):
        dims = value.type.tensor_type.shape.dim
        is_known = value.type.tensor_type.HasField("shape")
        if is_known and all(dim.HasField("dim_value") for dim in dims):
            shapes.setdefault(value.name, tuple(dim.dim_value for dim in dims))
    return shapes


def _of_node(node: onnx.NodeProto, shapes: Shapes) -> int:
    if node.op_type == "Conv":
        _, inputs_per_group, *kernel = shapes[node.input[1]]
        return prod(shapes[node.output[0]]) * inputs_per_group * prod(kernel)
    if node.op_type == "MatMul":
        return prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]
    if node.op_type == "Gemm":
        transposed = any(a.name == "transA" and a.i for a in node.attribute)
        return prod(shapes[node.output[0]]) * shapes[node.input[0]][0 if transposed else 1]
    return 0
