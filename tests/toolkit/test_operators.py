"""Every operator that quantization-aware training computes is what ONNX says, with gradients."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from compbench.toolkit.quantize_aware.module import settings
from compbench.toolkit.quantize_aware.operators import KNOWN, elementwise, reductions

RANDOM = np.random.default_rng(0)
CONSTANT = "x3"  # from which inputs are statistics of a norm, states, sizes
OPSETS = {"RMSNormalization": 23}  # the others are checked at 21
REFERENCE = ("RMSNormalization",)  # ONNX Runtime has none


class Case(NamedTuple):
    """A node: its inputs (None: left out), its attributes, how many outputs are compared."""

    operator: str
    inputs: tuple[Any, ...]
    settings: dict[str, Any] = {}
    outputs: int = 1


def x(*shape: int) -> NDArray[np.float32]:
    return RANDOM.normal(size=shape).astype(np.float32)


def n(*numbers: int) -> NDArray[np.int64]:
    return np.array(numbers, np.int64)


def s(number: int) -> NDArray[np.int64]:
    return np.array(number, np.int64)


def f(*numbers: float) -> NDArray[np.float32]:
    return np.array(numbers, np.float32)


_LATE = ("Acosh",)  # defined from 1
_INSIDE = ("Acos", "Asin", "Atanh", "Log", "Sqrt")
_FLAGS = ("Not",)
ONES = [
    Case(
        name,
        (
            x(2, 3, 4) > 0
            if name in _FLAGS
            else np.abs(np.tanh(x(2, 3, 4)) * 0.9) + 0.05 + (name in _LATE)
            if name in (*_INSIDE, *_LATE)
            else x(2, 3, 4),
        ),
    )
    for name in elementwise._ONE
]
_LOGIC = ("And", "Or", "Xor")
TWOS = [
    Case(name, (x(2, 3, 4) > 0, x(3, 1) > 0) if name in _LOGIC else (x(2, 3, 4), x(3, 1)))
    for name in elementwise._SEVERAL
    if name not in ("Clip", "Where", "Pow", "Mod")
]
REDUCED = [
    Case(name, (np.abs(x(2, 3, 4)) + 0.1, *axes), {"keepdims": keep})
    for name in reductions.KNOWN
    if name.startswith("Reduce")
    for axes, keep in (((n(-1, 1),), 1), ((n(0),), 0), ((), 1))
]
RESIZED = [
    Case("Resize", (x(1, 2, 5, 6), None, scales, sizes), {"mode": mode, **how})
    for mode in ("nearest", "linear", "cubic")
    for scales, sizes in ((f(1, 1, 2, 1.5), None), (None, n(1, 2, 3, 11)))
    for how in (
        {"coordinate_transformation_mode": "half_pixel"},
        {"coordinate_transformation_mode": "align_corners"},
        {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
        {"coordinate_transformation_mode": "pytorch_half_pixel", "nearest_mode": "ceil"},
    )
]
RECURRENT = [
    Case(
        name,
        (x(5, 2, 3), x(d, g * 4, 3), x(d, g * 4, 4), x(d, 2 * g * 4), None, *[x(d, 2, 4)] * states),
        {"hidden_size": 4, "direction": direction, **more},
        1 + states,
    )
    for name, g, states, more in (
        ("LSTM", 4, 2, {}),
        ("GRU", 3, 1, {"linear_before_reset": 1}),
        ("RNN", 1, 1, {}),
    )
    for direction, d in (("forward", 1), ("reverse", 1), ("bidirectional", 2))
]
CASES = [
    *(*ONES, *TWOS, *REDUCED, *RESIZED, *RECURRENT),
    Case("ArgMax", (x(2, 5),), {"axis": 1}),
    Case("ArgMin", (x(2, 5),), {"axis": -1, "keepdims": 0}),
    Case("ArgMax", (np.zeros((2, 5), np.float32),), {"axis": 1, "select_last_index": 1}),
    Case("AveragePool", (x(1, 2, 6, 6),), {"kernel_shape": [2, 2], "pads": [1, 0, 0, 1]}),
    Case(
        "AveragePool",
        (x(1, 2, 9),),
        {"kernel_shape": [3], "strides": [2], "pads": [1, 1], "count_include_pad": 1},
    ),
    Case("AveragePool", (x(1, 2, 7, 7, 7),), {"kernel_shape": [2] * 3, "strides": [2] * 3}),
    Case("AveragePool", (x(1, 1, 7, 7),), {"kernel_shape": [3, 3], "auto_pad": "SAME_UPPER"}),
    Case("BatchNormalization", (x(2, 3, 4), x(3), x(3), x(3), np.abs(x(3)) + 0.5)),
    Case("Cast", (x(2, 3) * 3,), {"to": TensorProto.INT64}),
    Case("Cast", (n(0, 3),), {"to": TensorProto.BOOL}),
    Case("CastLike", (n(0, 3), x(2))),
    Case("Clip", (x(2, 3), f(-0.5)[0], f(0.5)[0])),
    Case("Clip", (x(2, 3), None, f(0.5)[0])),
    Case("Clip", (x(2, 3),)),
    Case("Concat", (x(2, 3), x(2, 1)), {"axis": 1}),
    Case(
        "ConstantOfShape", (n(2, 3),), {"value": numpy_helper.from_array(np.array([7], np.int64))}
    ),
    Case("ConstantOfShape", (n(2),)),
    Case("Conv", (x(1, 2, 6, 6), x(3, 2, 3, 3)), {"pads": [0, 1, 2, 1], "strides": [2, 1]}),
    Case("Conv", (x(1, 4, 6, 6), x(4, 1, 3, 3), x(4)), {"group": 4, "dilations": [2, 1]}),
    Case("Conv", (x(2, 3, 11), x(4, 3, 3)), {"strides": [2], "pads": [1, 0]}),
    Case("Conv", (x(1, 1, 5, 5, 5), x(2, 1, 2, 3, 2))),
    Case("Conv", (x(1, 2, 7, 6), x(3, 2, 3, 2)), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    Case("Conv", (x(1, 2, 7, 6), x(3, 2, 3, 2)), {"auto_pad": "SAME_LOWER"}),
    Case(
        "ConvTranspose",
        (x(1, 4, 5, 5), x(4, 3, 3, 3), x(6)),
        {"group": 2, "strides": [2, 2], "pads": [1, 0, 1, 1], "output_padding": [1, 0]},
    ),
    Case("ConvTranspose", (x(1, 2, 5), x(2, 3, 3)), {"dilations": [2]}),
    Case("CumSum", (x(2, 5), s(1))),
    Case("CumSum", (x(2, 5), s(1)), {"exclusive": 1, "reverse": 1}),
    Case("DepthToSpace", (x(1, 8, 2, 3),), {"blocksize": 2}),
    Case("DepthToSpace", (x(1, 8, 2, 3),), {"blocksize": 2, "mode": "CRD"}),
    Case("Div", (n(7, -7), n(2, 2))),
    Case("Dropout", (x(2, 3),)),
    Case("Einsum", (x(2, 3, 4), x(4, 5)), {"equation": "bij,jk->bki"}),
    Case("Elu", (x(2, 3),), {"alpha": 0.5}),
    Case("Expand", (x(3, 1), n(2, 1, 4))),
    Case("Flatten", (x(2, 3, 4),), {"axis": 2}),
    Case("Flatten", (x(2, 3, 4),), {"axis": 0}),
    Case("Gather", (x(5, 3), np.array([[0, -1], [2, 2]]))),
    Case("Gather", (x(2, 5, 3), s(-2)), {"axis": 1}),
    Case("GatherElements", (x(2, 3), np.array([[0, -1], [2, 1]])), {"axis": 1}),
    Case("GatherND", (x(2, 3, 4), np.array([[0, 1], [1, -1]]))),
    Case("GatherND", (x(2, 3, 4), np.array([[1], [2]])), {"batch_dims": 1}),
    Case("Gelu", (x(2, 3),), {"approximate": "tanh"}),
    Case("Gemm", (x(4, 3), x(5, 4), x(5)), {"transA": 1, "transB": 1, "alpha": 0.5, "beta": 2.0}),
    *(  # windows that would begin behind the last number are none
        Case(
            operator,
            (x(1, 2, size, 6),),
            {"kernel_shape": [kernel, 2], "strides": [2, 2], "pads": pads, "ceil_mode": 1, **more},
        )
        for operator, more in (
            ("MaxPool", {}),
            ("AveragePool", {}),
            ("AveragePool", {"count_include_pad": 1}),
        )
        for size in (5, 6, 7, 8)
        for kernel in (2, 3)
        for pads in ([0] * 4, [1, 0, 1, 0], [0, 0, 1, 1], [1, 1, 0, 0])
    ),
    Case("GlobalAveragePool", (x(1, 2, 3, 4),)),
    Case("GlobalMaxPool", (x(1, 2, 7),)),
    Case("GroupNormalization", (x(2, 6, 3), x(6), x(6)), {"num_groups": 3, "epsilon": 1e-3}),
    Case("HardSigmoid", (x(2, 3),), {"alpha": 0.3, "beta": 0.4}),
    Case("InstanceNormalization", (x(2, 3, 5, 4), x(3), x(3)), {"epsilon": 1e-3}),
    Case("IsInf", (f(np.inf, -np.inf, 0),), {"detect_negative": 0}),
    Case("IsNaN", (f(np.nan, 0),)),
    Case("LRN", (x(1, 5, 2, 2),), {"size": 3, "alpha": 0.1, "bias": 2.0}),
    Case("LayerNormalization", (x(2, 3, 4), x(4), x(4))),
    Case("LayerNormalization", (x(2, 3, 4), x(3, 4)), {"axis": 1, "epsilon": 1e-2}),
    Case("LogSoftmax", (x(2, 3),), {"axis": 0}),
    Case("LpNormalization", (x(2, 3),), {"axis": 0, "p": 1}),
    Case("MatMul", (x(2, 3, 4), x(4, 5))),
    Case("Max", (x(2, 3), x(3), x(2, 1))),
    Case("MaxPool", (x(1, 2, 6, 6),), {"kernel_shape": [3, 2], "pads": [1, 0, 0, 1]}),
    Case("MaxPool", (x(1, 2, 8),), {"kernel_shape": [3], "strides": [2], "ceil_mode": 1}),
    Case("MaxPool", (x(1, 2, 7, 7),), {"kernel_shape": [2, 2], "dilations": [2, 1]}),
    Case("Mod", (n(7, -7), n(3, 3))),
    Case("Mod", (x(4), x(4)), {"fmod": 1}),
    Case("NonZero", (np.array([[0, 1], [2, 0]], np.float32),)),
    Case("OneHot", (n(0, 2, -1), s(3), f(0.5, 2))),
    Case("OneHot", (n(0, 2), s(3), f(0, 1)), {"axis": 0}),
    *(
        Case("Pad", (x(2, 5, 4), n(0, 1, 2, 0, 2, 1)), {"mode": mode})
        for mode in ("constant", "reflect", "edge", "wrap")
    ),
    Case("Pad", (x(2, 5), n(1, -1), f(0.5)[0], n(1))),
    Case("Pow", (np.abs(x(2, 3)) + 0.1, f(0.5, 2, 3))),
    Case("RMSNormalization", (x(2, 3, 4), x(4))),
    Case("Range", (s(2), s(11), s(3))),
    Case("ReduceMean", (x(2, 3),), {"noop_with_empty_axes": 1}),
    Case("Reshape", (x(2, 3, 4), n(0, -1))),
    Case("STFT", (x(2, 40, 1), s(8), np.hanning(16).astype(np.float32), s(16)), {"onesided": 1}),
    Case("ScatterElements", (x(2, 4), np.array([[0, -1], [2, 1]]), x(2, 2)), {"axis": 1}),
    Case(
        "ScatterElements",
        (x(2, 4), np.array([[0, 0], [2, 1]]), x(2, 2)),
        {"axis": 1, "reduction": "add"},
    ),
    Case("ScatterND", (x(3, 4), np.array([[0], [-1]]), x(2, 4))),
    Case("ScatterND", (x(3, 4), np.array([[0, 1], [0, 1]]), x(2)), {"reduction": "add"}),
    Case("Shape", (x(2, 3, 4),), {"start": 1}),
    Case("Size", (x(2, 3),)),
    Case("Slice", (x(4, 5), n(1, -3), n(9, 5), n(0, 1))),
    Case("Slice", (x(4, 5), n(-1), n(-(2**62)), n(1), n(-2))),
    Case("Slice", (x(4, 5), n(0, 0), n(3, 4), n(0, 1), n(2, 3))),
    Case("Softmax", (x(2, 3),), {"axis": 0}),
    Case("SpaceToDepth", (x(1, 2, 4, 6),), {"blocksize": 2}),
    Case("Split", (x(2, 7), n(3, 4)), {"axis": 1}, 2),
    Case("Split", (x(2, 7),), {"axis": 1, "num_outputs": 3}, 3),
    Case("Squeeze", (x(2, 1, 3, 1), n(1))),
    Case("Squeeze", (x(2, 1, 3, 1),)),
    Case("Tile", (x(2, 3), n(2, 1))),
    Case("TopK", (x(2, 5), n(2)), {"largest": 0}, 2),
    Case("Transpose", (x(2, 3, 4),)),
    Case("Transpose", (x(2, 3, 4),), {"perm": [1, 0, 2]}),
    Case("Trilu", (x(3, 4), s(1))),
    Case("Trilu", (x(3, 4),), {"upper": 0}),
    Case("Unsqueeze", (x(2, 3), n(-1, 0))),
    Case("Where", (x(2, 3) > 0, x(2, 3), x(3))),
]


def graph(case: Case) -> tuple[onnx.ModelProto, dict[str, NDArray[Any]]]:
    given = {f"x{i}": np.asarray(a) for i, a in enumerate(case.inputs) if a is not None}
    names = ["" if a is None else f"x{i}" for i, a in enumerate(case.inputs)]
    outputs = [f"y{i}" for i in range(case.outputs)]
    node = helper.make_node(case.operator, names, outputs, **case.settings)
    ends = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for name, a in given.items()
    ]
    made = helper.make_graph([node], "one", ends, [onnx.ValueInfoProto(name=o) for o in outputs])
    opset = helper.make_opsetid("", OPSETS.get(case.operator, 21))
    model = helper.make_model(made, opset_imports=[opset], ir_version=10)
    return onnx.shape_inference.infer_shapes(model), given


def expected(case: Case) -> list[Any]:
    model, given = graph(case)
    if case.operator in REFERENCE:
        from onnx.reference import ReferenceEvaluator

        return list(ReferenceEvaluator(model).run(None, given))  # type: ignore[arg-type]
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return list(session.run(None, given))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.operator)
def test_an_operator_computes_what_onnx_says(case: Case) -> None:
    model, given = graph(case)
    tensors = {name: torch.from_numpy(np.array(a)) for name, a in given.items()}
    floats = [t for name, t in tensors.items() if t.is_floating_point() and name < CONSTANT]
    for tensor in floats:
        tensor.requires_grad_()
    (node,) = model.graph.node
    found = KNOWN[case.operator](*[tensors.get(name) for name in node.input], **settings(node))
    found = found if isinstance(found, tuple) else (found,)
    for ours, theirs in zip(found, expected(case), strict=False):
        assert ours.shape == theirs.shape
        assert np.allclose(ours.detach().numpy(), theirs, atol=1e-5, equal_nan=True)
        assert ours.detach().numpy().dtype == theirs.dtype
    if floats and found[0].is_floating_point() and case.operator != "CastLike":
        found[0].sum().backward()
        assert floats[0].grad is not None
        assert bool(floats[0].grad.isfinite().all())


def test_every_operator_has_a_case() -> None:
    assert {case.operator for case in CASES} == set(KNOWN)
