from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

from compbench.onnxfile import coding, size
from compbench.onnxfile.size import Size


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
    opset = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()


def node(operator: str, inputs: str, output: str = "logits", **attributes: Any) -> NodeProto:
    return helper.make_node(operator, inputs.split(), [output], **attributes)


def ones(*shape: int, zeros: int = 0, dtype: type = np.float32) -> np.ndarray:
    array = np.ones(shape, dtype)
    array.reshape(-1)[:zeros] = 0
    return array


def expect(content: bytes, parameters: int, nonzero: int, macs: int, **types: int) -> None:
    found = size.measure(content)
    packed, coded = found.packed_bytes, found.coded_bytes
    assert found == Size(len(content), packed, coded, parameters, nonzero, macs, 17, types)
    assert packed == len(coding.packed(content))
    assert 0 < (coded or 0) <= found.size_bytes
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
        "w_zero": np.zeros(4, np.int8),
        "b_scale": ones(4),
        "b_zero": np.zeros(4, np.int32),
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


def test_what_can_not_be_told_of_an_unknown_operator_is_not_told() -> None:
    nodes = [node("Nobodys", "input", "x", domain="com.microsoft"), node("MatMul", "x w")]
    content = file(nodes, (6,), {"w": ones(6, 4)})
    assert size.measure(content).macs is None
    assert size.measure(content).parameters == 24


def test_the_statistics_of_a_batch_normalization_are_no_parameters() -> None:
    nodes = [node("Conv", "input w", "x"), node("BatchNormalization", "x scale bias mean var")]
    names = ("scale", "bias", "mean", "var")
    weights = {"w": ones(4, 3, 3, 3)} | {n: ones(4) + i for i, n in enumerate(names, 1)}
    expect(file(nodes, (3, 8, 8), weights, outputs=4), 116, 116, 4 * 6 * 6 * 27, float32=116)


def test_a_norm_of_ones_and_zeros_has_none() -> None:
    nodes = [node("InstanceNormalization", "input one zero")]
    weights = {"one": ones(3), "zero": ones(3, zeros=3)}
    expect(file(nodes, (3, 8, 8), weights, outputs=4), 0, 0, 0)


def test_the_limits_of_an_activation_are_no_parameters() -> None:
    limits = {"low": np.float32(0), "high": np.float32(6)}
    expect(file([node("Clip", "input low high")], (6,), limits), 0, 0, 0)


@pytest.mark.parametrize("dtype", [ml_dtypes.int4, ml_dtypes.uint4, np.float16, np.float32])
def test_small_types_are_called_by_their_names(dtype: type) -> None:
    weight = np.array([[0, 1, 2, 3], [4, 5, 6, 7]]).astype(dtype)
    nodes = [node("Cast", "w", "v", to=TensorProto.FLOAT), node("MatMul", "input v")]
    expect(file(nodes, (2,), {"w": weight}), 8, 7, 8, **{np.dtype(dtype).name: 8})


@pytest.mark.parametrize(
    ("zero", "options", "nonzero"),
    [
        (np.uint8(128), {}, 4),
        (np.array([128, 1], np.uint8), {"axis": 0}, 3),
        (np.array([128, 1, 3], np.uint8), {"axis": 1}, 4),
        (np.array([[128, 128, 1], [9, 128, 3]], np.uint8), {"axis": 1, "block_size": 1}, 2),
        (np.array([[128], [128]], np.uint8), {"axis": 1, "block_size": 4}, 4),
    ],
)
def test_a_weight_at_its_zero_point_is_zero(
    zero: np.ndarray, options: dict[str, int], nonzero: int
) -> None:
    weights = {"w": np.array([[128, 128, 1], [1, 2, 3]], np.uint8), "scale": ones(), "zero": zero}
    nodes = [node("DequantizeLinear", "w scale zero", "v", **options), node("MatMul", "input v")]
    expect(file(nodes, (2,), weights), 6, nonzero, 6, uint8=6)


@pytest.mark.parametrize(
    ("bits", "columns", "zeros", "nonzero"),
    [
        (4, 32, None, 1),  # the default zero point is 8
        (4, 30, None, 1),
        (4, 32, np.array([0x09, 0x08, 0x08], np.uint8), 31),
        (8, 16, None, 1),
    ],
)
def test_packed_weights_are_counted_one_by_one(
    bits: int, columns: int, zeros: np.ndarray | None, nonzero: int
) -> None:
    zero = 0x88 if bits == 4 else 0x80
    packed = np.full((3, 1, 16), zero, np.uint8)
    packed[0, 0, 0] += 1
    weights = {"w": packed, "scale": ones(3, 1)} | ({} if zeros is None else {"zero": zeros})
    options: dict[str, Any] = {"K": columns, "N": 3, "bits": bits, "block_size": 16 * 8 // bits}
    product = node("MatMulNBits", " ".join(["input", *weights]), domain="com.microsoft", **options)
    content = file([product], (columns,), weights)
    expect(content, 3 * columns, nonzero, 3 * columns, **{f"uint{bits}": 3 * columns})


def test_zeros_are_packed_and_coded_but_lie_in_the_file() -> None:
    weight = np.random.default_rng(0).normal(size=(100, 100)).astype(np.float32)
    sparse = np.where(np.abs(weight) > 1.6, weight, np.float32(0))
    dense, pruned = (
        size.measure(file([node("MatMul", "input w")], (100,), {"w": w})) for w in (weight, sparse)
    )
    assert pruned.size_bytes == dense.size_bytes
    assert pruned.packed_bytes < 0.25 * dense.packed_bytes
    assert (pruned.coded_bytes or 0) < pruned.packed_bytes


class Images(CalibrationDataReader):
    """One batch of noise to quantize a net with."""

    def __init__(self) -> None:
        generator = np.random.default_rng(0)
        self._left = [{"input": generator.normal(size=(4, 3, 8, 8)).astype(np.float32)}]

    def get_next(self) -> dict[str, np.ndarray] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._left.pop() if self._left else None


NET = {
    "w1": (4, 3, 3, 3),
    "b1": (4,),
    "w2": (4, 4, 1, 1),
    "w3": (144, 32),
    "w4": (10, 32),
    "b4": (10,),
}


def net() -> bytes:
    """Convolutions with a residual sum, a matrix product and a Gemm, of random weights."""
    generator = np.random.default_rng(0)
    weights = {n: generator.normal(size=s).astype(np.float32) for n, s in NET.items()}
    nodes = [
        node("Conv", "input w1 b1", "a"),
        node("Relu", "a", "r"),
        node("Conv", "r w2", "c"),
        node("Add", "c r", "s"),
        node("Flatten", "s", "f"),
        node("MatMul", "f w3", "m"),
        node("Gemm", "m w4 b4", transB=1),
    ]
    return file(nodes, (3, 8, 8), weights)


def integers(path: Path, how: str) -> bytes:
    """The net, quantized by ONNX Runtime."""
    source, made = str(path / "net.onnx"), str(path / "int8.onnx")
    Path(source).write_bytes(net())
    if how == "dynamic":
        quantize_dynamic(source, made, weight_type=QuantType.QUInt8)
    else:
        quantize_static(source, made, Images(), QuantFormat[how], per_channel=True)
    return Path(made).read_bytes()


@pytest.mark.parametrize("how", ["dynamic", "QDQ", "QOperator"])
def test_a_quantized_net_has_the_parameters_and_products_of_its_parent(
    how: str, tmp_path: Path
) -> None:
    before, after = size.measure(net()), size.measure(integers(tmp_path, how))
    assert after.parameters == before.parameters
    assert after.macs == before.macs == 4 * 36 * 27 + 4 * 36 * 4 + 144 * 32 + 32 * 10
    assert (after.coded_bytes or 0) < 0.4 * (before.coded_bytes or 0)
    assert next(iter(after.weight_types)) == ("uint8" if how == "dynamic" else "int8")


def test_a_net_with_weights_of_4_bits_has_the_products_of_its_parent() -> None:
    before = size.measure(net())
    quantizer = MatMulNBitsQuantizer(onnx.load_model_from_string(net()), block_size=32)
    quantizer.process()
    model: Any = quantizer.model  # ONNX Runtime wraps it
    after = size.measure(model.model.SerializeToString())
    assert (after.parameters, after.macs) == (before.parameters, before.macs)
    assert after.weight_types["uint4"] == 144 * 32
