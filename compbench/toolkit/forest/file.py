"""Trees -> an ONNX file that takes raw inputs: a `TreeEnsembleRegressor`, and how means are told.

Written here, not by skl2onnx: 1.20 of it fails on boosted trees with the ONNX of today, rounds
their thresholds to the nearest float32, forgets where absent numbers go, and gives each leaf all
outputs, of which most are 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from compbench.contracts import Feed, Signature
from compbench.onnxfile import metadata
from compbench.toolkit.forest.means import Link
from compbench.toolkit.forest.trees import Ensemble, Tree

_OPSETS = {"": 18, "ai.onnx.ml": 3}
_IR_VERSION = 8  # of these opsets
_MOST_NUMBERS = 100_000_000  # of leaves: a file has at most 2 GB


def to_file(ensemble: Ensemble, link: Link, signature: Signature) -> bytes:
    """The bytes of a file that takes the dataset's inputs, raw. Raises ValueError."""
    _refuse_large(ensemble)
    nodes: list[onnx.NodeProto] = []
    rows = [_row(name, one.dtype, nodes) for name, one in signature.inputs.items()]
    if len(rows) > 1:
        nodes.append(helper.make_node("Concat", rows, ["forest rows"], axis=1))
        rows = ["forest rows"]
    nodes.append(_regressor(ensemble, rows[0]))
    nodes += _linked(link)
    nodes[-1].output[0] = signature.output
    inputs = [
        helper.make_tensor_value_info(name, _type(one.dtype), ["batch", *one.shape])
        for name, one in signature.inputs.items()
    ]
    shape = ["batch", signature.outputs]
    output = helper.make_tensor_value_info(signature.output, TensorProto.FLOAT, shape)
    model = helper.make_model(
        helper.make_graph(nodes, "forest", inputs, [output]),
        opset_imports=[helper.make_opsetid(*one) for one in _OPSETS.items()],
        ir_version=_IR_VERSION,
    )
    feeds = tuple(Feed(name, name, one.dtype) for name, one in signature.inputs.items())
    return metadata.fed(model.SerializeToString(deterministic=True), feeds)


def _refuse_large(ensemble: Ensemble) -> None:
    numbers = sum(int(tree.is_leaf.sum()) * tree.values.shape[1] for tree in ensemble.trees)
    if numbers > _MOST_NUMBERS:
        raise ValueError(
            f"{numbers:,} numbers in leaves are more than a file holds ({_MOST_NUMBERS:,}): lower "
            "trees or depth, or raise min_samples_leaf"
        )


def _type(dtype: str) -> int:
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


def _row(name: str, dtype: str, nodes: list[onnx.NodeProto]) -> str:
    """The name of an input as rows of float32."""
    given = name
    if dtype != "float32":
        nodes.append(helper.make_node("Cast", [name], [f"{name} as float"], to=TensorProto.FLOAT))
        given = f"{name} as float"
    nodes.append(helper.make_node("Flatten", [given], [f"{name} in a row"], axis=1))
    return f"{name} in a row"


def _regressor(ensemble: Ensemble, rows: str) -> onnx.NodeProto:
    """The node with all trees; zeros in leaves are left out, but for one that a leaf must have."""
    trees = ensemble.trees
    counts = [len(tree.left) for tree in trees]
    is_leaf = _joined(tree.is_leaf for tree in trees)
    leaves = [_leaves(tree) for tree in trees]
    more: dict[str, Any] = (
        {} if ensemble.is_mean else {"base_values": _list(ensemble.base, np.float32)}
    )
    return helper.make_node(
        "TreeEnsembleRegressor",
        [rows],
        ["forest means"],
        domain="ai.onnx.ml",
        n_targets=ensemble.outputs,
        aggregate_function="AVERAGE" if ensemble.is_mean else "SUM",
        post_transform="NONE",
        nodes_treeids=_list(np.repeat(np.arange(len(trees)), counts)),
        nodes_nodeids=_list(_joined(np.arange(count) for count in counts)),
        nodes_featureids=_list(_joined(tree.feature for tree in trees)),
        nodes_modes=np.where(is_leaf, "LEAF", "BRANCH_LEQ").tolist(),
        nodes_values=_list(np.where(is_leaf, 0, _joined(t.threshold for t in trees)), np.float32),
        nodes_truenodeids=_list(np.where(is_leaf, 0, _joined(t.left for t in trees))),
        nodes_falsenodeids=_list(np.where(is_leaf, 0, _joined(t.right for t in trees))),
        nodes_missing_value_tracks_true=_list(
            ~is_leaf & _joined(tree.absent_goes_left for tree in trees)
        ),
        target_treeids=_list(np.repeat(np.arange(len(trees)), [len(ids) for ids, _, _ in leaves])),
        target_nodeids=_list(_joined(ids for ids, _, _ in leaves)),
        target_ids=_list(_joined(outputs for _, outputs, _ in leaves)),
        target_weights=_list(_joined(values for _, _, values in leaves), np.float32),
        **more,
    )


def _leaves(tree: Tree) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Of each number in a leaf: the leaf, the output, and the number."""
    values = tree.values.astype(np.float32)
    is_told = tree.is_leaf[:, None] & (values != 0)
    is_told[tree.is_leaf & ~is_told.any(1), 0] = True
    ids, outputs = np.nonzero(is_told)
    return ids, outputs + tree.first_output, values[ids, outputs]


def _linked(link: Link) -> Iterator[onnx.NodeProto]:
    """Means -> outputs; constants are nodes, as no technique should take them for weights."""
    if link.means == "values":
        yield helper.make_node("Identity", ["forest means"], ["forest outputs"])
        return
    yield _constant("forest least", link.least)
    if link.means == "distribution":
        yield helper.make_node("Clip", ["forest means", "forest least"], ["forest shares"])
        yield helper.make_node("Log", ["forest shares"], ["forest outputs"])
    else:
        yield _constant("forest most", 1 - link.least)
        yield _constant("forest one", 1.0)
        limits = ["forest least", "forest most"]
        yield helper.make_node("Clip", ["forest means", *limits], ["forest yes"])
        yield helper.make_node("Sub", ["forest one", "forest yes"], ["forest no"])
        yield helper.make_node("Log", ["forest yes"], ["forest log yes"])
        yield helper.make_node("Log", ["forest no"], ["forest log no"])
        yield helper.make_node("Sub", ["forest log yes", "forest log no"], ["forest outputs"])
    if link.temperature != 1:
        yield _constant("forest T", link.temperature)
        yield helper.make_node("Mul", ["forest outputs", "forest T"], ["forest hot outputs"])


def _constant(name: str, value: float) -> onnx.NodeProto:
    return helper.make_node("Constant", [], [name], value_float=float(np.float32(value)))


def _joined(arrays: Iterable[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate([*arrays])


def _list(array: NDArray[Any] | None, dtype: type = np.int64) -> list[Any]:
    return np.asarray(array).astype(dtype).tolist()
