"""ONNX bytes -> what the file holds: bytes, parameters, multiply-accumulates."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import prod

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference


@dataclass(frozen=True)
class Size:
    """What lies on disk and what one inference of one image computes.

    `parameters` counts the elements of weights and biases, `nonzero_parameters` those that are not
    zero; scales and zero points of quantization are neither. `macs` are multiply-accumulate
    operations of convolutions and matrix products. `weight_types` counts the parameters by type.
    """

    size_bytes: int
    parameters: int
    nonzero_parameters: int
    macs: int
    opset: int
    weight_types: dict[str, int]


def measure(file: bytes) -> Size:
    """The size of an ONNX file's bytes."""
    model = onnx.load_model_from_string(file)
    shapes = _shapes(model)
    weights = [numpy_helper.to_array(w) for w in model.graph.initializer if _is_weight(w, model)]
    return Size(
        len(file),
        sum(w.size for w in weights),
        sum(int(np.count_nonzero(w)) for w in weights),
        sum(_macs(node, shapes) for node in model.graph.node),
        next(opset.version for opset in model.opset_import if opset.domain in ("", "ai.onnx")),
        _by_type(weights),
    )


def _by_type(weights: list[np.ndarray]) -> dict[str, int]:
    """Type -> how many parameters have it, the commonest first."""
    counts: Counter[str] = Counter()
    for weight in weights:
        counts[weight.dtype.name] += weight.size
    return dict(counts.most_common())


def _is_weight(tensor: onnx.TensorProto, model: onnx.ModelProto) -> bool:
    """Not the shape of a Reshape (int64), nor the scale or zero point of a quantizer's node."""
    if tensor.data_type == onnx.TensorProto.INT64:
        return False
    scales = {
        name
        for node in model.graph.node
        if node.op_type in ("QuantizeLinear", "DequantizeLinear")
        for name in node.input[1:]
    }
    return tensor.name not in scales


def _shapes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor for a batch of one image."""
    single = onnx.ModelProto()
    single.CopyFrom(model)
    for value in (*single.graph.input, *single.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    del single.graph.value_info[:]
    graph = shape_inference.infer_shapes(single, data_prop=True).graph
    shapes = {
        value.name: tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        for value in (*graph.input, *graph.output, *graph.value_info)
    }
    return shapes | {w.name: tuple(w.dims) for w in graph.initializer}


def _macs(node: onnx.NodeProto, shapes: dict[str, tuple[int, ...]]) -> int:
    if node.op_type == "Conv":
        _, inputs_per_group, *kernel = shapes[node.input[1]]
        return prod(shapes[node.output[0]]) * inputs_per_group * prod(kernel)
    if node.op_type == "MatMul":
        return prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]
    if node.op_type == "Gemm":
        transposed = any(a.name == "transA" and a.i for a in node.attribute)
        return prod(shapes[node.output[0]]) * shapes[node.input[0]][0 if transposed else 1]
    return 0
