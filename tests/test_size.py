from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from compbench import size
from compbench.size import Size


def file(
    nodes: Sequence[NodeProto],
    shape: Sequence[int],
    weights: dict[str, Any],
    outputs: int = 2,
    batch: int | str = "batch",
) -> bytes:
    """A graph from `input` (batch, *shape) to `logits` with `outputs` dimensions."""
    result = [batch] + [None] * (outputs - 1)
    graph = helper.make_graph(
        nodes,
        "made up",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, *shape])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, result)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()


def node(operator: str, inputs: str, output: str = "logits", **attributes: Any) -> NodeProto:
    return helper.make_node(operator, inputs.split(), [output], **attributes)


def ones(*shape: int, zeros: int = 0, dtype: type = np.float32) -> np.ndarray:
    array = np.ones(shape, dtype)
    array.reshape(-1)[:zeros] = 0
    return array


def expect(content: bytes, parameters: int, nonzero: int, macs: int, **types: int) -> None:
    size_ = Size(len(content), parameters, nonzero, macs, 17, types)
    found = size.measure(content)
    assert found == size_
    assert list(found.weight_types) == list(types)  # the commonest first


@pytest.mark.parametrize("batch", ["batch", 7])
@pytest.mark.parametrize(
    ("weight", "attributes", "macs"),
    [
        ((4, 3, 3, 3), {"pads": [1, 1, 1, 1]}, 4 * 8 * 8 * 27),
        ((4, 3, 3, 3), {}, 4 * 6 * 6 * 27),
        ((4, 3, 3, 3), {"strides": [2, 2]}, 4 * 3 * 3 * 27),
        ((6, 1, 3, 1), {"group": 3}, 6 * 6 * 8 * 3),
        ((5, 3, 1, 1), {}, 5 * 8 * 8 * 3),
    ],
)
def test_a_convolution_is_counted_for_one_image(
    weight: tuple[int, ...], attributes: dict[str, Any], macs: int, batch: int | str
) -> None:
    weights = {"w": ones(*weight, zeros=5), "b": ones(weight[0], zeros=1)}
    conv = node("Conv", "input w b", **attributes)
    content = file([conv], (3, 8, 8), weights, outputs=4, batch=batch)
    count = int(np.prod(weight)) + weight[0]
    expect(content, count, count - 6, macs, float32=count)


@pytest.mark.parametrize(("shape", "attributes"), [((6, 4), {}), ((4, 6), {"transB": 1})])
def test_a_gemm_is_counted(shape: tuple[int, int], attributes: dict[str, Any]) -> None:
    gemm = node("Gemm", "input w b", **attributes)
    content = file([gemm], (6,), {"w": ones(*shape), "b": ones(4, zeros=4)})
    expect(content, 28, 24, 24, float32=28)


def test_a_gemm_of_a_transposed_input_is_counted() -> None:
    nodes = [node("Transpose", "input", "x", perm=[1, 0]), node("Gemm", "x w", transA=1)]
    expect(file(nodes, (6,), {"w": ones(6, 4)}), 24, 24, 24, float32=24)


@pytest.mark.parametrize(
    ("shape", "macs"), [((6,), 6 * 7), ((5, 6), 5 * 6 * 7), ((2, 5, 6), 2 * 5 * 6 * 7)]
)
def test_a_matrix_product_is_counted(shape: tuple[int, ...], macs: int) -> None:
    content = file([node("MatMul", "input w")], shape, {"w": ones(6, 7)}, len(shape) + 1)
    expect(content, 42, 42, macs, float32=42)


def test_scales_and_zero_points_of_quantized_weights_are_no_parameters() -> None:
    nodes = [
        node("QuantizeLinear", "input x_scale x_zero", "x8"),
        node("DequantizeLinear", "x8 x_scale x_zero", "x"),
        node("DequantizeLinear", "w8 w_scale w_zero", "w", axis=0),
        node("DequantizeLinear", "b32 b_scale b_zero", "b", axis=0),
        node("Conv", "x w b"),
    ]
    weights = {
        "x_scale": np.float32(0.5),
        "x_zero": np.uint8(128),
        "b32": ones(4, dtype=np.int32),
        "w8": ones(4, 3, 3, 3, zeros=8, dtype=np.int8),
        "w_scale": ones(4),
        "w_zero": ones(4, dtype=np.int8),
        "b_scale": ones(4),
        "b_zero": ones(4, dtype=np.int32),
    }
    content = file(nodes, (3, 8, 8), weights, outputs=4)
    expect(content, 112, 104, 4 * 6 * 6 * 27, int8=108, int32=4)


def test_a_whole_net_is_the_sum_of_its_layers() -> None:
    nodes = [
        node("Conv", "input w1", "a"),
        node("Relu", "a", "r"),
        node("MaxPool", "r", "p", kernel_shape=[2, 2], strides=[2, 2]),
        node("Reshape", "p shape", "f"),
        node("Gemm", "f w2 b2", "g"),
        node("MatMul", "g w3"),
    ]
    weights = {
        "w1": ones(4, 1, 3, 3),
        "shape": np.array([-1, 36], np.int64),
        "w2": ones(36, 5),
        "b2": ones(5),
        "w3": ones(5, 3, dtype=np.float32),
    }
    macs = 4 * 6 * 6 * 9 + 36 * 5 + 5 * 3
    expect(file(nodes, (1, 8, 8), weights), 236, 236, macs, float32=236)


def test_a_shared_weight_lies_in_the_file_once_and_is_multiplied_twice() -> None:
    nodes = [node("MatMul", "input w", "x"), node("MatMul", "x w")]
    expect(file(nodes, (6,), {"w": ones(6, 6)}), 36, 36, 72, float32=36)


def test_a_graph_without_weights_has_none() -> None:
    expect(file([node("Relu", "input")], (6,), {}), 0, 0, 0)
