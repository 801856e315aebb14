"""The nodes of a file, also in bodies of loops and branches: constants, options, which are known.

An operator is known where its inputs and attributes were looked at here: ONNX's own up to an opset,
and those of ONNX Runtime that optimizers and quantizers write. Of all others nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import defs, inliner, numpy_helper

Constants = Mapping[str, NDArray[Any]]

CONTRIB = "com.microsoft"
# domain -> the last version of it whose operators were looked at; a later one may multiply
_REVIEWED = {"": 28, "ai.onnx.ml": 5}
# https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
_OF_ONNX_RUNTIME = frozenset(
    (
        *("Attention", "MultiHeadAttention", "QAttention"),
        *("BiasAdd", "BiasGelu", "BiasSoftmax", "FastGelu", "Gelu", "QuickGelu"),
        *("FusedConv", "FusedGemm", "FusedMatMul"),
        *("DequantizeLinear", "QuantizeLinear", "DynamicQuantizeLSTM", "DynamicQuantizeMatMul"),
        *("MatMulIntegerToFloat", "MatMulNBits", "QGemm"),
        *("QLinearAdd", "QLinearAveragePool", "QLinearConcat", "QLinearGlobalAveragePool"),
        *("QLinearLeakyRelu", "QLinearMul", "QLinearSigmoid", "QLinearSoftmax"),
        *("LayerNormalization", "SimplifiedLayerNormalization"),
        *("SkipLayerNormalization", "SkipSimplifiedLayerNormalization"),
    )
)


def domain(node: onnx.NodeProto) -> str:
    """The domain of a node's operator; ONNX's own has two names."""
    return "" if node.domain == "ai.onnx" else node.domain


def is_known(node: onnx.NodeProto) -> bool:
    """Whether its operator is one that was looked at."""
    of = domain(node)
    if of not in _REVIEWED:
        return of == CONTRIB and node.op_type in _OF_ONNX_RUNTIME
    try:
        defs.get_schema(node.op_type, _REVIEWED[of], of)
    except defs.SchemaError:
        # ONNX Runtime's quantizers write some of its own operators without their domain
        return not of and node.op_type in _OF_ONNX_RUNTIME
    return True


def inlined(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model, its functions put in place of the nodes that call them."""
    return inliner.inline_local_functions(model) if model.functions else model


def options(node: onnx.NodeProto) -> dict[str, Any]:
    """A node's attributes by name."""
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def bodies(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """The graphs inside a node: a loop's body, a condition's branches."""
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs


def every_graph(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """A graph and all graphs inside it."""
    yield graph
    for node in graph.node:
        for body in bodies(node):
            yield from every_graph(body)


def every_node(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """The nodes of a graph and of all graphs inside it."""
    for one in every_graph(graph):
        yield from one.node


def constants(graph: onnx.GraphProto) -> dict[str, NDArray[Any]]:
    """The tensors that a graph itself holds, by name: initializers, and constants as nodes."""
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found |= {sparse.values.name: _dense(sparse) for sparse in graph.sparse_initializer}
    for node in graph.node:
        if node.op_type == "Constant" and not domain(node):
            found[node.output[0]] = _constant(node.attribute[0])
    return found


def _constant(attribute: onnx.AttributeProto) -> NDArray[Any]:
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    if isinstance(value, onnx.SparseTensorProto):
        return _dense(value)
    return np.asarray(value, {"f": np.float32, "i": np.int64}.get(_kind(attribute), np.object_))


def _kind(attribute: onnx.AttributeProto) -> str:
    """The first letter of `value_float`, `value_ints`, `value_string`: what it holds."""
    return attribute.name.removeprefix("value_")[:1]


def _dense(sparse: onnx.SparseTensorProto) -> NDArray[Any]:
    values, places = numpy_helper.to_array(sparse.values), numpy_helper.to_array(sparse.indices)
    whole = np.zeros(tuple(sparse.dims), values.dtype)
    flat = places if places.ndim == 1 else np.ravel_multi_index(tuple(places.T), whole.shape)
    whole.reshape(-1)[flat] = values
    return whole


def fixed(nodes: Iterable[onnx.NodeProto], known: Iterable[str]) -> set[str]:
    """The names of what no input changes: `known` ones, and what is computed from these alone."""
    found = set(known)
    for node in nodes:
        inputs = [name for name in node.input if name]
        is_random = node.op_type.startswith(("Random", "Multinomial", "Bernoulli"))
        if not is_random and not any(bodies(node)) and found.issuperset(inputs):
            found.update(node.output)
    return found
