"""Looking into ONNX files and rewriting them, for the techniques that quantize."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from compbench.errors import JobFailed, nearest

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

_MOST_NAMED = 4  # operators in a message
_QUANTIZED = ("Quantize", "Dequantize", "DynamicQuantize", "QLinear", "QGemm", "QAttention")
_QUANTIZED += ("ConvInteger", "MatMulInteger", "MatMulNBits", "GatherBlockQuantized")


def refuse_quantized(model: ModelProto) -> None:
    """Raises JobFailed, naming what gives it away, where numbers are narrower than float32."""
    import onnx

    types = onnx.TensorProto
    narrow = (types.INT8, types.UINT8, types.INT4, types.UINT4, types.FLOAT16, types.BFLOAT16)
    for node in model.graph.node:
        if node.op_type.startswith(_QUANTIZED):
            raise JobFailed(f"its parent is quantized already: node '{node.name}' ({node.op_type})")
    for weight in model.graph.initializer:
        if weight.data_type in narrow:
            name = types.DataType.Name(weight.data_type).lower()
            raise JobFailed(f"its parent is quantized already: weight '{weight.name}' is {name}")


def settled(file: bytes) -> ModelProto:
    """The model of a file of any exporter, in the form that quantizers take for granted.

    Every node has a name of its own, functions stand in place of their calls, constants are
    initializers, and these are no inputs. Raises JobFailed where it is quantized already.
    """
    import onnx

    from compbench.onnxfile import nodes

    model = nodes.inlined(onnx.load_model_from_string(file))
    refuse_quantized(model)
    graph = model.graph
    _lift_constants(graph)
    held = {weight.name for weight in graph.initializer}
    inputs = [one for one in graph.input if one.name not in held]
    del graph.input[:]
    graph.input.extend(inputs)
    model.ir_version = max(model.ir_version, 4)  # from which initializers needn't be inputs
    taken = {node.name for node in graph.node}
    seen: set[str] = set()
    for place, node in enumerate(graph.node):
        if not node.name or node.name in seen:
            node.name = _free(f"{node.op_type}_{place}", taken)
            taken.add(node.name)
        seen.add(node.name)
    return model


def _lift_constants(graph: GraphProto) -> None:
    """Tensors of `Constant` nodes become initializers, which quantizers look at alone."""
    nodes = []
    for node in graph.node:
        value = node.attribute[0] if node.op_type == "Constant" and node.attribute else None
        if value is None or value.name != "value":
            nodes.append(node)
            continue
        weight = graph.initializer.add()
        weight.CopyFrom(value.t)
        weight.name = node.output[0]
    del graph.node[:]
    graph.node.extend(nodes)


def _free(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += "_"
    return name


def refuse_unchanged(
    before: ModelProto, after: ModelProto, chosen: Collection[str], known: Collection[str]
) -> None:
    """Raises JobFailed where a quantizer changed nothing, and says which operators it would.

    Rounding what flows through a file without weights, such as one of trees, is as good as nothing.
    """
    is_changed = any(node.op_type.startswith(_QUANTIZED) for node in after.graph.node)
    if is_changed and any(map(_is_weight, before.graph.initializer)):
        return
    held = {weight.name for weight in before.graph.initializer}
    there = {node.op_type for node in before.graph.node if held & {*node.input}}
    reason = f"the file has no {' or '.join(sorted(chosen))} of constant weights"
    if there & {*chosen} or len(chosen) > _MOST_NAMED:
        reason = "what could be is excluded, or not of constant weights"
    others = sorted((there & {*known}) - {*chosen})
    listed = ", ".join(f'"{name}"' for name in others)
    hint = f"; operators = [{listed}] would be" if others else ""
    raise JobFailed(f"nothing was quantized: {reason}{hint}")


def _is_weight(one: TensorProto) -> bool:
    """Whether a constant may be one: several floats."""
    return prod(one.dims) > 1 and one.data_type in (one.FLOAT, one.DOUBLE)


def matched(model: ModelProto, patterns: Sequence[str]) -> list[str]:
    """The names of the nodes that patterns of names or operators pick out.

    Raises JobFailed for a pattern that picks out none.
    """
    nodes = model.graph.node
    names: list[str] = []
    for pattern in patterns:
        found = [n.name for n in nodes if fnmatchcase(n.name, pattern) or n.op_type == pattern]
        if not found:
            known = {n.name for n in nodes} | {n.op_type for n in nodes}
            raise JobFailed(f"exclude: no node or operator is '{pattern}'{nearest(pattern, known)}")
        names += found
    return names


def excluded(model: ModelProto, patterns: Sequence[str]) -> list[str]:
    """The names of the nodes that keep their numbers: what patterns pick out, and the front end."""
    from compbench.onnxfile import front_end

    return [*dict.fromkeys([*matched(model, patterns), *front_end.said(model)])]


def with_matrix_products(model: ModelProto, names: Collection[str]) -> ModelProto:
    """The same function with Gemm nodes of these names as MatMul and Add: x · B + c.

    ONNX Runtime quantizes the weights of MatMul alone. Only Gemms of a constant B are rewritten.
    """
    import onnx

    new = onnx.ModelProto()
    new.CopyFrom(model)
    graph = new.graph
    weights = {w.name for w in graph.initializer}
    nodes = []
    for node in model.graph.node:
        is_product = node.op_type == "Gemm" and node.name in names and node.input[1] in weights
        nodes += _product(new, node) if is_product else [node]
    del graph.node[:], graph.value_info[:]  # the types and shapes of before
    graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    kept = [w for w in graph.initializer if w.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    return new


def _product(model: ModelProto, node: NodeProto) -> list[NodeProto]:
    """The nodes for one Gemm; a scaled Gemm, or one of a transposed x, stays as it is."""
    from onnx import helper, numpy_helper

    settings = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if settings.get("transA") or settings.get("alpha", 1) != 1 or settings.get("beta", 1) != 1:
        return [node]
    weight = next(w for w in model.graph.initializer if w.name == node.input[1])
    array = numpy_helper.to_array(weight)
    array = np.ascontiguousarray(array.T if settings.get("transB") else array)
    name = f"{node.input[1]}_{node.name}"
    model.graph.initializer.append(numpy_helper.from_array(array, name))
    inputs = [node.input[0], name]
    output = node.output[0]
    if len(node.input) < 3:
        return [helper.make_node("MatMul", inputs, [output], node.name)]
    product = f"{output}_product"
    return [
        helper.make_node("MatMul", inputs, [product], node.name),
        helper.make_node("Add", [product, node.input[2]], [output], f"{node.name}_bias"),
    ]
