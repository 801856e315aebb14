"""ONNX graph -> its weights: which of its numbers are some, how many, and which of them are zero.

Scales and zero points, a batch normalization's running mean and variance, and the constants of
operators without weights are none: no training step changed them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

_QLINEAR = (1, 2, 4, 5, 6, 7)  # of two operands, and of the result
# operator -> which of its inputs are no weights
_NO_WEIGHTS: dict[str, tuple[int, ...]] = {
    "BatchNormalization": (3, 4),
    "Clip": (1, 2),
    "Pad": (1, 2),
    "Resize": (1, 2),
    "QuantizeLinear": (1, 2),
    "DequantizeLinear": (1, 2),
    "MatMulInteger": (2, 3),
    "ConvInteger": (2, 3),
    "DynamicQuantizeMatMul": (2, 3),
    "MatMulIntegerToFloat": (2, 3, 4, 5),
    "MatMulNBits": (2, 3, 4),
    "QLinearConv": _QLINEAR,
    "QLinearMatMul": _QLINEAR,
    "QLinearAdd": _QLINEAR,
    "QLinearMul": _QLINEAR,
    "QGemm": (1, 2, 4, 5, 7, 8),
    "QLinearAveragePool": (1, 2, 3, 4),
    "QLinearGlobalAveragePool": (1, 2, 3, 4),
    "QLinearLeakyRelu": (1, 2, 3, 4),
    "QLinearSigmoid": (1, 2, 3, 4),
    "QLinearSoftmax": (1, 2, 3, 4),
}
# operator -> its weight, that one's zero point, and the axis of a zero point for each channel
_ZERO_POINTS: dict[str, tuple[int, int, int]] = {
    "DequantizeLinear": (0, 2, 1),
    "QLinearConv": (3, 5, 0),
    "ConvInteger": (1, 3, 0),
    "QLinearMatMul": (3, 5, -1),
    "QGemm": (3, 5, -1),
    "MatMulInteger": (1, 3, -1),
    "DynamicQuantizeMatMul": (1, 3, -1),
    "MatMulIntegerToFloat": (1, 5, -1),
}


# a Reshape's shape; the words of a vocabulary, the names of classes
_NO_NUMBERS = (onnx.TensorProto.INT64, onnx.TensorProto.STRING)


@dataclass(frozen=True)
class Weight:
    """A tensor of weights: as the file holds it, and what its numbers are once unpacked."""

    stored: NDArray[Any]
    count: int
    nonzero: int
    type: str


def weights(model: onnx.ModelProto) -> list[Weight]:
    """All weights and biases of a file, in its order."""
    graph = model.graph
    others = set(_no_weights(graph))
    tensors = {w.name: w for w in graph.initializer}
    readers = {name: node for node in graph.node for name in node.input}
    return [
        _weight(numpy_helper.to_array(tensor), name, readers.get(name), tensors)
        for name, tensor in tensors.items()
        if name not in others and tensor.data_type not in _NO_NUMBERS
    ]


def _no_weights(graph: onnx.GraphProto) -> Iterator[str]:
    # dynamic quantization multiplies the scale it found with the weight's in a node of its own
    found = {node.output[1] for node in graph.node if node.op_type == "DynamicQuantizeLinear"}
    for node in graph.node:
        inputs = list(node.input)
        if node.op_type == "QLinearConcat":  # the result's scale and zero point, then triples
            yield from (name for i, name in enumerate(inputs) if i < 2 or i % 3 != 2)
        if node.op_type == "Mul" and found & set(inputs):
            yield from inputs
        yield from (inputs[i] for i in _NO_WEIGHTS.get(node.op_type, ()) if i < len(inputs))


def _weight(
    stored: NDArray[Any],
    name: str,
    reader: onnx.NodeProto | None,
    tensors: dict[str, onnx.TensorProto],
) -> Weight:
    if reader is None:
        return _plain(stored)
    inputs = list(reader.input)
    options = {a.name: onnx.helper.get_attribute_value(a) for a in reader.attribute}
    if reader.op_type == "MatMulNBits" and inputs.index(name) == 1:
        zero = tensors.get(inputs[3]) if len(inputs) > 3 else None
        return _packed(stored, None if zero is None else numpy_helper.to_array(zero), options)
    position, zero_position, axis = _ZERO_POINTS.get(reader.op_type, (-1, -1, 0))
    if inputs.index(name) != position or len(inputs) <= zero_position:
        return _plain(stored)
    zero = tensors.get(inputs[zero_position])
    if zero is None:
        return _plain(stored)
    axis = 0 if options.get("transB") else options.get("axis", axis)
    return _plain(stored, _spread(numpy_helper.to_array(zero), stored.shape, axis, options))


def _plain(stored: NDArray[Any], zero: NDArray[Any] | int = 0) -> Weight:
    nonzero = np.count_nonzero(stored != np.asarray(zero, stored.dtype))
    return Weight(stored, stored.size, int(nonzero), stored.dtype.name)


def _spread(
    zero: NDArray[Any], shape: tuple[int, ...], axis: int, options: dict[str, Any]
) -> NDArray[Any]:
    """Zero points beside each weight: one for all, for each channel, or for each block."""
    if zero.size == 1:
        return zero.reshape(())
    if zero.ndim == len(shape) > 1:
        block = options.get("block_size", 0) or 1
        return np.repeat(zero, block, axis=axis).take(range(shape[axis]), axis=axis)
    sides = [1] * len(shape)
    sides[axis] = -1
    return zero.reshape(sides)


def _packed(stored: NDArray[Any], zero: NDArray[Any] | None, options: dict[str, Any]) -> Weight:
    """N rows of K numbers of some bits, the lowest first, in blocks with a zero point for each.

    https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MatMulNBits
    """
    bits = options.get("bits", 4)
    rows = options["N"]
    columns = options["K"]
    numbers = _unpacked(stored, bits).reshape(rows, -1, options["block_size"])
    zeros: NDArray[Any] = np.full((1, 1, 1), 1 << bits - 1)
    if zero is not None:
        zero = zero.reshape(rows, -1)
        zero = _unpacked(zero, bits) if zero.dtype == np.uint8 else zero
        zeros = zero[:, : numbers.shape[1], None]
    different = (numbers != zeros).reshape(rows, -1)[:, :columns]
    return Weight(stored, rows * columns, int(np.count_nonzero(different)), f"uint{bits}")


def _unpacked(content: NDArray[np.uint8], bits: int) -> NDArray[Any]:
    ones = np.unpackbits(content, axis=-1, bitorder="little")
    return ones.reshape(*content.shape[:-1], -1, bits) @ (1 << np.arange(bits))
