"""ONNX graph -> its weights: which of its numbers are some, how many, and which of them are zero.

Weights are the constant tensors of numbers that operators compute with, in bodies of loops and
branches too, and what trees and linear models hold in attributes. Scales and zero points, a batch
normalization's running mean and variance, a norm's ones and zeros where it has no weights, single
numbers of a formula, indices, and the limits and sizes that an operator is given are none: no
training step changed them. Nor are the constants of which a file of compbench's says so: the
buffers of its net.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray

from compbench.onnxfile import metadata
from compbench.onnxfile.attributes import in_attributes
from compbench.onnxfile.nodes import (
    Constants,
    constants,
    every_graph,
    every_node,
    inlined,
    is_known,
    options,
)
from compbench.onnxfile.weight import Weight, plain

_QLINEAR = (1, 2, 4, 5, 6, 7)  # of two operands, and of the result
# operator -> which of its inputs are no weights
_NO_WEIGHTS: dict[str, tuple[int, ...]] = {
    "Attention": (3, 4, 5, 6),  # ONNX's, and ONNX Runtime's: masks, and what was before
    "BatchNormalization": (3, 4),
    "Clip": (1, 2),
    "Dropout": (1, 2),
    "Gather": (1,),
    "GatherElements": (1,),
    "GatherND": (1,),
    "GRU": (4, 5),
    "LSTM": (4, 5, 6),
    "MultiHeadAttention": (4, 6, 7, 8),
    "NonMaxSuppression": (2, 3, 4),
    "OneHot": (1, 2),
    "Pad": (1, 2, 3),
    "Pow": (1,),
    "QAttention": (3, 4, 5, 6, 7, 8),
    "Resize": (1, 2, 3),
    "RNN": (4, 5),
    "RotaryEmbedding": (1, 2, 3),
    "ScatterElements": (1,),
    "ScatterND": (1,),
    "Slice": (1, 2, 3, 4),
    "STFT": (1, 2, 3),
    "Upsample": (1,),
    "Where": (0,),
    "QuantizeLinear": (1, 2),
    "DequantizeLinear": (1, 2),
    "MatMulInteger": (2, 3),
    "ConvInteger": (2, 3),
    "DynamicQuantizeLSTM": (4, 5, 6, 8, 9, 10, 11),
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


class _Zero(NamedTuple):
    """Which input is the zero point of a weight, and its axis where each channel has one."""

    position: int
    axis: int


# operator -> its weights by their places, and where their zero points are
_ZERO_POINTS: dict[str, dict[int, _Zero]] = {
    "DequantizeLinear": {0: _Zero(2, 1)},
    "QLinearConv": {3: _Zero(5, 0)},
    "ConvInteger": {1: _Zero(3, 0)},
    "QLinearMatMul": {3: _Zero(5, -1)},
    "QGemm": {3: _Zero(5, -1)},
    "QAttention": {1: _Zero(7, -1)},
    "MatMulInteger": {1: _Zero(3, -1)},
    "DynamicQuantizeLSTM": {1: _Zero(9, 0), 2: _Zero(11, 0)},
    "DynamicQuantizeMatMul": {1: _Zero(3, -1)},
    "MatMulIntegerToFloat": {1: _Zero(5, -1)},
}
# where one number is a constant of the formula, such as the root that attention divides by
_ELEMENTWISE = ("Add", "Sub", "Mul", "Div", "Max", "Min", "Mod", "Sum", "Mean", "Where", "Less")
_ELEMENTWISE += ("LessOrEqual", "Greater", "GreaterOrEqual", "Equal")
# what gives the numbers of its first input as they are
_HANDS_ON = ("Cast", "Expand", "Flatten", "Identity", "Reshape", "Squeeze", "Tile", "Transpose")
_HANDS_ON += ("Unsqueeze",)
# layers whose scale and shift ONNX demands: ones and zeros where the net has none
_NORMS = ("InstanceNormalization", "LayerNormalization", "GroupNormalization", "BatchNormalization")
# a Reshape's shape; a mask; the words of a vocabulary, the names of classes
_NO_NUMBERS = "OSUb"  # numpy's kinds, besides 64-bit integers
_BLOB_BYTES = 64  # a longer text in an unknown operator may hold anything


class _Use(NamedTuple):
    """That a node reads a tensor, as which of its inputs; where it only hands it on, to whom."""

    node: onnx.NodeProto
    position: int
    onward: tuple[_Use, ...]

    def ends(self) -> list[_Use]:
        """Where the numbers are computed with."""
        return [end for use in self.onward for end in use.ends()] if self.onward else [self]


def weights(model: onnx.ModelProto) -> list[Weight] | None:
    """All weights and biases of a file, in its order.

    None where that can't be told: an operator that isn't known holds or reads constants.
    """
    not_learnt = {*json.loads(metadata.read(model).get(metadata.NOT_LEARNT, "[]"))}
    model = inlined(model)
    every = {name: array for g in every_graph(model.graph) for name, array in constants(g).items()}
    nodes = list(every_node(model.graph))
    if any(not is_known(node) and _may_hold(node, every) for node in nodes):
        return None
    scales = _scales_found(nodes)
    found = []
    for graph in every_graph(model.graph):
        held = constants(graph)
        uses = _uses(graph, held)
        for name, array in held.items():
            if name in not_learnt:
                continue
            use = _as_weight(uses.get(name, []), scales)
            if use is not None and _is_weight(array, use):
                found.append(_weight(array, use, every | held))
    return found + [weight for node in nodes for weight in in_attributes(node)]


def _may_hold(node: onnx.NodeProto, every: Constants) -> bool:
    """Whether weights may be in an operator that isn't known, or among its inputs."""
    kinds = onnx.AttributeProto
    numbers = (kinds.TENSOR, kinds.TENSORS, kinds.SPARSE_TENSOR, kinds.FLOATS)
    return any(name in every for name in node.input) or any(
        a.type in numbers or len(a.s) > _BLOB_BYTES for a in node.attribute
    )


def _uses(graph: onnx.GraphProto, held: Iterable[str]) -> dict[str, list[_Use]]:
    """Who reads what a graph holds, in it and in the graphs inside it."""
    readers: dict[str, list[tuple[onnx.NodeProto, int]]] = {}
    for node in every_node(graph):
        for position, name in enumerate(node.input):
            readers.setdefault(name, []).append((node, position))

    def of(name: str) -> list[_Use]:
        return [
            _Use(node, position, tuple(of(node.output[0])) if _hands_on(node, position) else ())
            for node, position in readers.get(name, [])
        ]

    return {name: of(name) for name in held}


def _hands_on(node: onnx.NodeProto, position: int) -> bool:
    return node.op_type in _HANDS_ON and position == 0


def _as_weight(uses: list[_Use], scales: set[str]) -> _Use | None:
    """The last use as a weight, a made up one where nobody reads it; None where it is none."""
    taken = [use for use in uses if not all(_is_no_weight(end, scales) for end in use.ends())]
    return taken[-1] if taken else None if uses else _Use(onnx.NodeProto(), 0, ())


def _is_no_weight(use: _Use, scales: set[str]) -> bool:
    node, position, _ = use
    if node.op_type == "QLinearConcat":  # the result's scale and zero point, then triples
        return position < 2 or position % 3 != 2
    if node.op_type == "Mul" and scales & set(node.input):
        return True
    return position in _NO_WEIGHTS.get(node.op_type, ())


def _scales_found(nodes: Iterable[onnx.NodeProto]) -> set[str]:
    """Dynamic quantization multiplies these scales with the weight's in a node of its own."""
    return {node.output[1] for node in nodes if node.op_type == "DynamicQuantizeLinear"}


def _is_weight(array: NDArray[Any], use: _Use) -> bool:
    reader, position = use.ends()[-1][:2]
    if array.dtype.kind in _NO_NUMBERS or array.dtype == np.int64:
        return False
    if reader.op_type in _NORMS and (array == (position == 1)).all():
        return False
    if reader.op_type in _ELEMENTWISE:
        return array.size > 1
    return array.ndim > 0 or reader.op_type == "PRelu"


def _weight(stored: NDArray[Any], use: _Use, tensors: Constants) -> Weight:
    node, position, _ = use
    inputs, settings = list(node.input), options(node)
    if node.op_type == "MatMulNBits" and position == 1:
        return _packed(stored, tensors.get(inputs[3]) if len(inputs) > 3 else None, settings)
    place = _ZERO_POINTS.get(node.op_type, {}).get(position)
    if place is None or len(inputs) <= place.position or inputs[place.position] not in tensors:
        return plain(stored)
    zero = tensors[inputs[place.position]]
    axis = 0 if settings.get("transB") else settings.get("axis", place.axis)
    return plain(stored, _spread(zero, stored.shape, axis, settings))


def _spread(
    zero: NDArray[Any], shape: tuple[int, ...], axis: int, options: dict[str, Any]
) -> NDArray[Any]:
    """Zero points beside each weight: one for all, for each channel, or for each block."""
    if zero.size == 1:
        return zero.reshape(())
    if zero.ndim == 2 and len(shape) == 3:  # of each direction of a recurrent layer
        return zero[:, None]
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
