"""A node -> its multiply-accumulates, one entry an operator; and shapes that ONNX can't tell.

Counted are products that are summed: convolutions, matrix products, recurrent cells, attention,
kernels. Elementwise arithmetic, normalisation, pooling and interpolation are not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import onnx

from compbench.onnxfile.nodes import CONTRIB, options

Shape = tuple[int, ...]


class Unknown(Exception):
    """What was asked for can't be told of this file."""


@dataclass(frozen=True)
class Node:
    """A node with the shapes of what it reads and gives; asking for one not known is `Unknown`."""

    node: onnx.NodeProto
    shapes: Mapping[str, Shape]

    @property
    def options(self) -> dict[str, Any]:
        """Its attributes by name."""
        return options(self.node)

    def has(self, index: int) -> bool:
        """Whether it is given this input."""
        return index < len(self.node.input) and bool(self.node.input[index])

    def input(self, index: int = 0) -> Shape:
        """The shape of an input."""
        return self._shape(self.node.input, index)

    def output(self, index: int = 0) -> Shape:
        """The shape of an output."""
        return self._shape(self.node.output, index)

    def _shape(self, names: Any, index: int) -> Shape:
        try:
            return self.shapes[names[index]]
        except (IndexError, KeyError):
            raise Unknown from None


def _convolution(node: Node) -> int:
    _, inputs_per_group, *kernel = node.input(1)
    return prod(node.output()) * inputs_per_group * prod(kernel)


def _transposed_convolution(node: Node) -> int:
    """Each number of the input meets all weights of its channel."""
    _, outputs_per_group, *kernel = node.input(1)
    return prod(node.input()) * outputs_per_group * prod(kernel)


def _matrix_product(node: Node) -> int:
    return prod(node.output()) * node.input()[-1]


def _gemm(node: Node) -> int:
    return prod(node.output()) * node.input()[0 if node.options.get("transA") else 1]


def _fused_matrix_product(node: Node) -> int:
    return prod(node.output()) * node.input()[-2 if node.options.get("transA") else -1]


def _recurrent(node: Node) -> int:
    """Each step of each sequence meets all weights, of its input and of the state before."""
    return prod(node.input()[:2]) * (prod(node.input(1)) + prod(node.input(2)))


def _einsum(node: Node) -> int:
    sizes, inputs, output = _labels(node)
    if len(inputs) == 1 or (all({*labels} <= {*output} for labels in inputs) and _same(inputs)):
        return 0  # a sum, a transposition or an elementwise product
    if len(inputs) > 2:
        raise Unknown  # it depends on the order in which they are multiplied
    return prod(sizes.values())


def _same(inputs: list[list[str]]) -> bool:
    return len({frozenset(labels) for labels in inputs}) == 1


def _labels(node: Node) -> tuple[dict[str, int], list[list[str]], list[str]]:
    """The length of each letter of an equation, its letters by input, and those of its output."""
    equation = node.options["equation"].decode().replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms, sizes, inputs = left.split(","), {}, []
    for index, term in enumerate(terms):
        shape = node.input(index)
        before, dots, after = term.partition("...")
        more = len(shape) - len(before) - len(after)
        dotted = [f".{i}" for i in range(more, 0, -1)] if dots else []
        labels = [*before, *dotted, *after]
        if len(labels) != len(shape):
            raise Unknown
        for label, length in zip(labels, shape, strict=True):
            sizes[label] = max(sizes.get(label, 1), length)
        inputs.append(labels)
    dotted = sorted((name for name in sizes if name[0] == "."), key=lambda n: -int(n[1:]))
    if arrow:
        before, dots, after = right.partition("...")
        return sizes, inputs, [*before, *(dotted if dots else []), *after]
    once = sorted(x for x in {*sizes} - {*dotted} if left.count(x) == 1)
    return sizes, inputs, [*dotted, *once]


def _einsum_shapes(node: Node) -> list[Shape]:
    sizes, _, output = _labels(node)
    return [tuple(sizes[label] for label in output)]


def _attention(node: Node) -> int:
    """ONNX's: queries with keys, then their weights with values; the past's keys count too."""
    query, key, value = (node.input(index) for index in range(3))
    settings = node.options
    if len(query) == 3:
        heads, of_keys = settings["q_num_heads"], settings["kv_num_heads"]
        query = (query[0], heads, query[1], query[2] // heads)
        key = (key[0], of_keys, key[1], key[2] // of_keys)
        value = (value[0], of_keys, value[1], value[2] // of_keys)
    past = node.input(4)[2] if node.has(4) else 0
    return prod(query[:3]) * (key[2] + past) * (query[3] + value[3])


def _several_heads(node: Node) -> int:
    """ONNX Runtime's MultiHeadAttention of three projected inputs (batch, steps, width)."""
    query, key, value = (node.input(index) for index in range(3))
    if {len(query), len(key), len(value)} != {3} or node.has(6) or node.has(7):
        raise Unknown
    return query[0] * query[1] * key[1] * (query[2] + value[2])


def _several_heads_shapes(node: Node) -> list[Shape]:
    query, value = node.input(0), node.input(2)
    if {len(query), len(value)} != {3}:
        raise Unknown
    return [(*query[:2], value[2])]


def _projected_attention(past: int, node: Node) -> int:
    """ONNX Runtime's Attention, which multiplies its input with the weights of all three first."""
    batch, steps, width = node.input()
    if node.has(past):
        raise Unknown
    queries, keys, values = _projected(node)
    projections = batch * steps * width * (queries + keys + values)
    return projections + batch * steps * steps * (queries + values)


def _projected_attention_shapes(node: Node) -> list[Shape]:
    return [(*node.input()[:2], _projected(node)[2])]


def _projected(node: Node) -> tuple[int, int, int]:
    sizes = node.options.get("qkv_hidden_sizes")
    if sizes:
        return tuple(sizes)
    third = node.input(1)[1] // 3
    return third, third, third


def _like_first(node: Node) -> list[Shape]:
    return [node.input()]


def _like_first_with_sum(node: Node) -> list[Shape]:
    """Normalised after a sum, which is the fourth output."""
    return [node.input(), (), (), node.input()]


def _fused_matrix_shapes(node: Node) -> list[Shape]:
    settings, left, right = node.options, node.input(0), node.input(1)
    if settings.get("transBatchA") or settings.get("transBatchB") or min(len(left), len(right)) < 2:
        raise Unknown
    rows = left[-1 if settings.get("transA") else -2]
    columns = right[-2 if settings.get("transB") else -1]
    return [(*np.broadcast_shapes(left[:-2], right[:-2]), rows, columns)]


def _linear(node: Node) -> int:
    """Each sample meets all coefficients."""
    return prod(node.input()[:-1]) * len(node.options["coefficients"])


def _support_vectors(node: Node) -> int:
    """Each sample meets all support vectors, and what comes of that the coefficients."""
    settings = node.options
    vectors = len(settings.get("support_vectors", ()))
    return prod(node.input()[:-1]) * (vectors + len(settings["coefficients"]))


def _uncounted(node: Node) -> int:
    raise Unknown


Count = Callable[[Node], int]
# domain -> operator -> its multiply-accumulates; a known operator that is missing takes none
COUNTS: dict[str, dict[str, Count]] = {
    "": {
        "Conv": _convolution,
        "DeformConv": _convolution,
        "ConvTranspose": _transposed_convolution,
        "MatMul": _matrix_product,
        "Gemm": _gemm,
        "Einsum": _einsum,
        "LSTM": _recurrent,
        "GRU": _recurrent,
        "RNN": _recurrent,
        "Attention": _attention,
        "AffineGrid": _uncounted,
        "CausalConvWithState": _uncounted,
        "Det": _uncounted,
        "DFT": _uncounted,
        "LinearAttention": _uncounted,
        "STFT": _uncounted,
    },
    "ai.onnx.ml": {
        "LinearClassifier": _linear,
        "LinearRegressor": _linear,
        "SVMClassifier": _support_vectors,
        "SVMRegressor": _support_vectors,
    },
    CONTRIB: {
        "Attention": lambda node: _projected_attention(4, node),
        "QAttention": lambda node: _projected_attention(8, node),
        "MultiHeadAttention": _several_heads,
        "FusedMatMul": _fused_matrix_product,
    },
}
# domain -> operator -> the shapes of its outputs, where ONNX's shape inference has none
SHAPES: dict[str, dict[str, Callable[[Node], list[Shape]]]] = {
    "": {"Einsum": _einsum_shapes},
    CONTRIB: {
        "Attention": _projected_attention_shapes,
        "QAttention": _projected_attention_shapes,
        "MultiHeadAttention": _several_heads_shapes,
        "FusedMatMul": _fused_matrix_shapes,
        **dict.fromkeys(
            (
                *("BiasAdd", "BiasGelu", "BiasSoftmax", "FastGelu", "Gelu", "QuickGelu"),
                *("LayerNormalization", "SimplifiedLayerNormalization"),
            ),
            _like_first,
        ),
        "SkipLayerNormalization": _like_first_with_sum,
        "SkipSimplifiedLayerNormalization": _like_first_with_sum,
    },
}
