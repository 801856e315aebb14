"""Parameters and multiply-accumulates of nets of all kinds, beside what torch and a hand count."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from compbench.onnxfile import size
from compbench.onnxfile.export import to_onnx
from compbench.onnxfile.size import Size
from tests import transformer
from tests.nets import image_signature
from tests.nets_of_all_kinds import NETS, Apply, First, net
from tests.onnxfile.test_size import file, node, ones

SIGNATURE = image_signature(1, 12, 12)
ALL = {
    **NETS,
    "transformer": lambda: transformer.Model().build(SIGNATURE),
    "lstm-of-batches": lambda: net(
        Apply("squeeze", 1), First(nn.LSTM(12, 8, 2, bidirectional=True, batch_first=True))
    ),
    "rnn": lambda: net(Apply("squeeze", 1), First(nn.RNN(12, 8, batch_first=True))),
}
# what the exporter gets wrong, as its parity check says: a batch that is fixed, no projection
BROKEN = ("lstm", "lstm-projected")
# parameters that a file has more than its module: folded into others, or constants of another name
MORE_PARAMETERS = {
    "batch-norm": -16,  # two of each channel are folded into a convolution, or a linear layer
    "batch-norm-1d": -32,
    "lazy": -16,
    "grouped": -16,
    "depthwise": -2 * 4 * 16,
    "head-normed": -2 * 3,
    "resnet8": -112,
    "weight-norm": -16,  # lengths and directions are one weight
    "group-norm-without-affine": 16,  # scaled by ones, shifted by zeros
    "own": 16,  # a plain tensor is added too
}
# products that torch's counter leaves out: of attention, of a bilinear form, of fused cells
MORE_MACS = {
    "encoder": 2 * 12 * 12 * (6 + 6),
    "encoder-norm-first": 2 * 12 * 12 * (6 + 6),
    "transformer": 2 * 10 * 10 * (16 + 16),
    **dict.fromkeys(("vit", "vit-own-attention", "vit-encoder"), 2 * 10 * 10 * (16 + 16)),
    "bilinear": 8 * 8 * 8 + 8 * 8,
    "lstm-of-batches": 12 * 2 * 32 * (12 + 8) + 12 * 2 * 32 * (16 + 8),
    "rnn": -8 * 8,  # unrolled: what it begins with is no image's, so its product is computed once
}
FAST = {
    *("conv-zeros-dilation2-groups4", "conv3d", "conv-transpose", "upsample", "instance-norm"),
    *("lstm-of-batches", "gru", "rnn", "attention", "encoder", "embedded", "bilinear"),
}


@pytest.mark.parametrize(
    "kind",
    [k if k in FAST else pytest.param(k, marks=pytest.mark.slow) for k in ALL if k not in BROKEN],
)
def test_a_net_has_the_parameters_and_products_that_torch_counts(kind: str) -> None:
    torch.manual_seed(0)
    model = ALL[kind]().eval()
    model(torch.zeros(1, *SIGNATURE.image))  # lazy layers get their shapes
    with torch.no_grad():
        for parameter in model.parameters():  # as trained: no ones and zeros
            parameter.add_(0.01 * torch.randn_like(parameter))
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, *SIGNATURE.image))
    found = size.measure(to_onnx(model, SIGNATURE))
    every = sum(p.numel() for p in model.parameters())
    assert found.parameters == every + MORE_PARAMETERS.get(kind, 0)
    assert found.macs == counter.get_total_flops() // 2 + MORE_MACS.get(kind, 0)


def measured(
    nodes: list[NodeProto],
    shape: tuple[int, ...],
    weights: dict[str, Any],
    opset: int = 17,
    dtype: int = TensorProto.FLOAT,
) -> Size:
    """The size of a graph from `input` (batch, *shape) to `logits`."""
    graph = helper.make_graph(
        nodes,
        "made up",
        [helper.make_tensor_value_info("input", dtype, ["batch", *shape])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items()],
    )
    domains = [("", opset), ("com.microsoft", 1), ("ai.onnx.ml", 5), ("nobodys", 1)]
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid(*d) for d in domains])
    return size.measure(model.SerializeToString())


def counts(found: Size) -> tuple[int | None, int | None]:
    return found.parameters, found.macs


@pytest.mark.parametrize(
    ("weight", "attributes", "macs"),
    [
        ((3, 4, 3, 3), {}, 3 * 8 * 8 * 4 * 9),
        ((3, 4, 3, 3), {"strides": [2, 2]}, 3 * 8 * 8 * 4 * 9),
        ((3, 2, 5, 1), {"group": 3}, 3 * 8 * 8 * 2 * 5),
    ],
)
def test_a_transposed_convolution(weight: tuple, attributes: dict, macs: int) -> None:
    layer = node("ConvTranspose", "input w", **attributes)
    assert counts(measured([layer], (3, 8, 8), {"w": ones(*weight)})) == (prod(weight), macs)


@pytest.mark.parametrize(
    ("operator", "gates", "directions"),
    [("LSTM", 4, 1), ("LSTM", 4, 2), ("GRU", 3, 1), ("RNN", 1, 2)],
)
def test_a_recurrent_layer_counts_each_step(operator: str, gates: int, directions: int) -> None:
    rows = gates * 5
    weights = {
        "w": ones(directions, rows, 6),
        "r": ones(directions, rows, 5),
        "b": ones(directions, 2 * rows),
        "state": ones(directions, 1, 5),  # what it begins with is no weight
    }
    direction = "bidirectional" if directions == 2 else "forward"
    cell = node(operator, "x w r b  state".replace("  ", " "), hidden_size=5, direction=direction)
    cell.input.insert(4, "")
    nodes = [node("Transpose", "input", "x", perm=[1, 0, 2]), cell]
    parameters = directions * rows * (6 + 5 + 2)
    assert counts(measured(nodes, (7, 6), weights)) == (parameters, 7 * directions * rows * 11)


@pytest.mark.parametrize(
    ("equation", "shape", "weight", "macs"),
    [
        ("bi,io->bo", (6,), (6, 4), 24),
        ("b i , o i -> b o", (6,), (4, 6), 24),
        ("bi,io", (6,), (6, 4), 24),
        ("...i,io->...o", (5, 6), (6, 4), 120),
        ("bhqd,hkd->bhqk", (2, 5, 3), (2, 7, 3), 2 * 5 * 7 * 3),
        ("bi,bi->bi", (6,), (1, 6), 0),
        ("bi->b", (6,), (), 0),
    ],
)
def test_an_einsum(
    equation: str, shape: tuple[int, ...], weight: tuple[int, ...], macs: int
) -> None:
    inputs = "input w" if "," in equation else "input"
    found = measured([node("Einsum", inputs, equation=equation)], shape, {"w": ones(*weight)})
    assert found.macs == macs


def test_the_shape_of_an_einsum_is_known_to_what_follows() -> None:
    nodes = [node("Einsum", "input w", "x", equation="bij,jk->bki"), node("MatMul", "x v")]
    weights = {"w": ones(6, 4), "v": ones(5, 3)}
    assert counts(measured(nodes, (5, 6), weights)) == (39, 5 * 6 * 4 + 4 * 5 * 3)


def test_three_factors_depend_on_their_order() -> None:
    weights = {"w": ones(6, 4), "v": ones(4, 3)}
    einsum = node("Einsum", "input w v", equation="bi,ij,jk->bk")
    assert counts(measured([einsum], (6,), weights)) == (36, None)


def test_attention_of_onnx() -> None:
    attention = node("Attention", "input k v mask", q_num_heads=4, kv_num_heads=2)
    weights = {"k": ones(1, 7, 6), "v": ones(1, 7, 10), "mask": ones(5, 7)}
    found = measured([attention], (5, 12), weights, opset=24)
    assert found.macs == 4 * 5 * 7 * (3 + 5)
    assert found.parameters == 7 * 16


def test_attention_of_onnx_runtime() -> None:
    nodes = [
        node("Attention", "input w b", "x", num_heads=2, domain="com.microsoft"),
        node("SkipLayerNormalization", "x input g", "y", domain="com.microsoft"),
        node("MatMul", "y q", "q1"),
        node("MultiHeadAttention", "q1 y y", "z", num_heads=2, domain="com.microsoft"),
        node("MatMul", "z o"),
    ]
    weights = {"w": ones(6, 18), "b": ones(18), "g": ones(6) * 2, "q": ones(6, 6), "o": ones(6, 3)}
    first = 5 * 6 * 18 + 5 * 5 * (6 + 6)
    second = 5 * 6 * 6 + 5 * 5 * (6 + 6) + 5 * 6 * 3
    assert counts(measured(nodes, (5, 6), weights)) == (6 * 18 + 18 + 6 + 36 + 18, first + second)


def test_an_embedding_looks_up_and_does_not_multiply() -> None:
    nodes = [node("Gather", "w input", "x"), node("MatMul", "x v")]
    found = measured(nodes, (5,), {"w": ones(9, 6), "v": ones(6, 2)}, dtype=TensorProto.INT64)
    assert counts(found) == (54 + 12, 5 * 6 * 2)


def test_a_constant_in_a_node_is_a_weight_too() -> None:
    value = numpy_helper.from_array(ones(6, 4))
    nodes = [helper.make_node("Constant", [], ["w"], value=value), node("MatMul", "input w")]
    assert counts(measured(nodes, (6,), {})) == (24, 24)


def test_a_function_is_what_is_in_it() -> None:
    layer = helper.make_function(
        "nobodys", "Layer", ["x", "w"], ["y"], [node("MatMul", "x w", "y")],
        [helper.make_opsetid("", 17)],
    )  # fmt: skip
    model = onnx.load_model_from_string(
        file([node("Layer", "input w", domain="nobodys")], (6,), {"w": ones(6, 4)})
    )
    model.functions.append(layer)
    model.opset_import.append(helper.make_opsetid("nobodys", 1))
    assert counts(size.measure(model.SerializeToString())) == (24, 24)


def test_what_no_image_changes_is_computed_once() -> None:
    nodes = [node("MatMul", "u v", "w"), node("MatMul", "input w")]
    assert counts(measured(nodes, (6,), {"u": ones(6, 9), "v": ones(9, 4)})) == (90, 24)


def test_a_fixed_batch_counts_one_image_of_it() -> None:
    content = file([node("MatMul", "input w")], (6,), {"w": ones(6, 4)}, batch=8)
    assert size.measure(content).macs == 24


def body(nodes: list[NodeProto], inputs: list[Any], outputs: list[str], **held: Any) -> GraphProto:
    told = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in held.items()]
    return helper.make_graph(nodes, "body", inputs, told, tensors)


def value(name: str, dtype: int = TensorProto.FLOAT, shape: list[int] | None = None) -> Any:
    return helper.make_tensor_value_info(name, dtype, shape)


def test_the_weights_of_a_branch_count_and_so_do_products_that_both_branches_have() -> None:
    def branch(name: str, width: int) -> GraphProto:
        weights = {f"w{name}": ones(6, width), f"v{name}": ones(width, 4)}
        nodes = [
            node("MatMul", f"input w{name}", f"x{name}"),
            node("MatMul", f"x{name} v{name}", f"y{name}"),
        ]
        return body(nodes, [], [f"y{name}"], **weights)

    def both(one: int, other: int) -> Size:
        condition = node("If", "c", then_branch=branch("a", one), else_branch=branch("b", other))
        nodes = [node("ReduceSum", "input", "s", keepdims=0), node("Greater", "s zero", "c")]
        return measured([*nodes, condition], (6,), {"zero": np.float32(0)})

    assert counts(both(5, 5)) == (100, 50)
    assert counts(both(5, 7)) == (50 + 70, None)


@pytest.mark.parametrize(("condition", "macs"), [(True, 3 * 36), (None, None)])
def test_a_loop_of_known_length(condition: bool | None, macs: int | None) -> None:
    given = [value("i", TensorProto.INT64, []), value("c", TensorProto.BOOL, []), value("x")]
    nodes = [node("MatMul", "input w", "m"), node("Add", "x m", "y")]
    if condition is None:  # it depends on what is computed
        nodes += [node("ReduceSum", "y", "s", keepdims=0), node("Greater", "s zero", "c2")]
    else:
        nodes.append(node("Identity", "c", "c2"))
    inner = body(nodes, given, ["c2", "y"], w=ones(6, 6))
    inner.output[0].type.tensor_type.elem_type = TensorProto.BOOL
    loop = node("Loop", "times yes input", body=inner)
    held = {"times": np.int64(3), "yes": np.bool_(True), "zero": np.float32(0)}
    assert counts(measured([loop], (6,), held)) == (36, macs)


def test_a_scan_takes_as_many_steps_as_its_input_has() -> None:
    inner = body(
        [node("MatMul", "x w", "m"), node("Add", "state m", "next"), node("Identity", "m", "y")],
        [value("state"), value("x")],
        ["next", "y"],
        w=ones(6, 4),
    )
    scan = helper.make_node("Scan", ["zero", "t"], ["end", "logits"], body=inner, num_scan_inputs=1)
    nodes = [node("Transpose", "input", "t", perm=[1, 0, 2]), scan]
    found = measured(nodes, (5, 6), {"zero": np.zeros((1, 4), np.float32)})
    assert found.macs == 5 * 24
    assert found.parameters == 24 + 4


@pytest.mark.parametrize(
    ("unknown", "parameters"),
    [
        (node("Layer", "input v", "x", domain="nobodys"), None),
        (node("Layer", "input", "x", domain="nobodys", floats=[1.0, 2.0]), None),
        (node("Layer", "input", "x", domain="nobodys", blob="b" * 1000), None),
        (node("Layer", "input", "x", domain="nobodys", axis=1, mode="linear"), 24),
        (node("DFT", "input", "x"), 24),
    ],
)
def test_what_an_unknown_operator_holds_and_computes_is_unknown(
    unknown: NodeProto, parameters: int | None
) -> None:
    nodes = [unknown, node("Identity", "x", "y"), node("MatMul", "input w")]
    found = measured(nodes, (6,), {"w": ones(6, 4), "v": ones(6, 6)} if parameters is None else
                     {"w": ones(6, 4)})  # fmt: skip
    assert counts(found) == (parameters, None)
    assert (found.coded_bytes is None) == (found.nonzero_parameters is None) == (not parameters)
    assert sum(found.weight_types.values()) == (parameters or 0)


def test_a_quantized_recurrent_layer_has_the_parameters_and_products_of_its_parent(
    tmp_path: Any,
) -> None:
    generator = np.random.default_rng(0)
    shapes = {"w": (1, 20, 6), "r": (1, 20, 5), "b": (1, 40)}
    weights = {n: generator.normal(size=s).astype(np.float32) for n, s in shapes.items()}
    nodes = [
        node("Transpose", "input", "x", perm=[1, 0, 2]),
        node("LSTM", "x w r b", hidden_size=5),
    ]
    (tmp_path / "net.onnx").write_bytes(file(nodes, (7, 6), weights, 4))
    paths = [str(tmp_path / name) for name in ("net.onnx", "int8.onnx")]
    quantize_dynamic(paths[0], paths[1], weight_type=QuantType.QInt8)
    before, after = (size.measure(Path(path).read_bytes()) for path in paths)
    assert counts(before) == counts(after) == (20 * 13, 7 * 20 * 11)
    assert after.weight_types == {"int8": 220, "float32": 40}


# a tree of three thresholds and four leaves, with a share of each of two classes at each leaf
TREE: dict[str, Any] = {
    "nodes_treeids": [0] * 7,
    "nodes_nodeids": [0, 1, 2, 3, 4, 5, 6],
    "nodes_featureids": [3, 1, 0, 0, 4, 0, 0],
    "nodes_modes": ["BRANCH_LEQ", "BRANCH_LEQ", "LEAF", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"],
    "nodes_values": [0.5, 0.25, 0.0, 0.0, -0.75, 0.0, 0.0],
    "nodes_truenodeids": [1, 2, 0, 0, 5, 0, 0],
    "nodes_falsenodeids": [4, 3, 0, 0, 6, 0, 0],
}
LEAVES = {"treeids": [0] * 8, "nodeids": [2, 2, 3, 3, 5, 5, 6, 6], "ids": [0, 1] * 4}
SHARES = [1.0, 0.0, 0.25, 0.75, 0.0, 1.0, 0.5, 0.5]


@pytest.mark.parametrize(("operator", "what"), [("Classifier", "class"), ("Regressor", "target")])
def test_a_tree_has_its_thresholds_and_what_its_leaves_give(operator: str, what: str) -> None:
    leaves: dict[str, Any] = {f"{what}_{name}": values for name, values in LEAVES.items()}
    leaves |= {f"{what}_weights": SHARES}
    leaves |= {"classlabels_int64s": [0, 1]} if what == "class" else {"n_targets": 2}
    outputs = ["label", "logits"] if what == "class" else ["logits"]
    tree = helper.make_node(
        f"TreeEnsemble{operator}", ["input"], outputs, domain="ai.onnx.ml", **TREE, **leaves
    )
    found = measured([tree], (5,), {})
    assert (found.parameters, found.nonzero_parameters, found.macs) == (3 + 8, 3 + 6, 0)
    assert found.weight_types == {"float32": 11}
    assert found.coded_bytes
    assert found.coded_bytes > 4 * (3 + 6)  # how its nodes hang together is coded too


def test_a_large_tree_does_not_code_into_nothing() -> None:
    generator = np.random.default_rng(0)
    count = 2**12 - 1
    inner = count // 2
    modes = ["BRANCH_LEQ"] * inner + ["LEAF"] * (count - inner)
    numbers = np.arange(count)
    tree = helper.make_node(
        "TreeEnsembleRegressor",
        ["input"],
        ["logits"],
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=[0] * count,
        nodes_nodeids=numbers.tolist(),
        nodes_featureids=generator.integers(0, 700, count).tolist(),
        nodes_modes=modes,
        nodes_values=generator.normal(size=count).astype(np.float32).tolist(),
        nodes_truenodeids=(2 * numbers + 1).tolist(),
        nodes_falsenodeids=(2 * numbers + 2).tolist(),
        target_treeids=[0] * (count - inner),
        target_nodeids=numbers[inner:].tolist(),
        target_ids=[0] * (count - inner),
        target_weights=generator.normal(size=count - inner).astype(np.float32).tolist(),
    )
    found = measured([tree], (784,), {})
    assert found.parameters == inner + count - inner
    assert found.coded_bytes
    assert 0.4 * found.packed_bytes < found.coded_bytes < found.size_bytes


def test_trees_of_the_newest_kind() -> None:
    tree = helper.make_node(
        "TreeEnsemble",
        ["input"],
        ["logits"],
        domain="ai.onnx.ml",
        n_targets=2,
        nodes_featureids=[0, 4],
        nodes_modes=numpy_helper.from_array(np.zeros(2, np.uint8)),
        nodes_splits=numpy_helper.from_array(np.array([0.5, 0.25], np.float32)),
        nodes_truenodeids=[1, 0],
        nodes_trueleafs=[0, 1],
        nodes_falsenodeids=[1, 2],
        nodes_falseleafs=[1, 1],
        tree_roots=[0],
        leaf_targetids=[0, 1, 0],
        leaf_weights=numpy_helper.from_array(np.array([1.0, 2.0, 0.0], np.float32)),
    )
    found = measured([tree], (5,), {})
    assert (found.parameters, found.nonzero_parameters, found.macs) == (5, 4, 0)


def test_linear_models_and_support_vector_machines_hold_their_weights_too() -> None:
    linear = helper.make_node(
        "LinearClassifier",
        ["input"],
        ["label", "logits"],
        domain="ai.onnx.ml",
        coefficients=[1.0] * 15,
        intercepts=[0.5, 0.0, 1.0],
        classlabels_ints=[0, 1, 2],
    )
    found = measured([linear], (5,), {})
    assert (found.parameters, found.nonzero_parameters, found.macs) == (18, 17, 15)
    machine = helper.make_node(
        "SVMRegressor",
        ["input"],
        ["logits"],
        domain="ai.onnx.ml",
        kernel_type="RBF",
        kernel_params=[0.1, 0.0, 3.0],
        n_supports=4,
        support_vectors=[1.0] * 20,
        coefficients=[1.0] * 4,
        rho=[0.5],
    )
    assert counts(measured([machine], (5,), {})) == (25, 24)
