"""What trees, linear models and support vector machines hold in attributes of their node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from compbench.onnxfile.nodes import domain, options
from compbench.onnxfile.weight import Weight, plain


class _Held(NamedTuple):
    """The attributes of an operator that are weights, and those that say how these hang together.

    The latter are no parameters, but nothing can be computed without them.
    """

    weights: tuple[str, ...]
    structure: tuple[str, ...] = ()


_NODES = (
    *("nodes_featureids", "nodes_modes", "nodes_nodeids", "nodes_treeids"),
    *("nodes_truenodeids", "nodes_falsenodeids", "nodes_missing_value_tracks_true"),
)
_LINEAR = _Held(("coefficients", "intercepts"))
_SUPPORT = ("support_vectors", "coefficients", "rho", "prob_a", "prob_b")


def _trees(what: str) -> _Held:
    """Thresholds, and what the leaves give: of classes, or of targets."""
    weights = ("nodes_values", f"{what}_weights", "base_values")
    structure = (*_NODES, *(f"{what}_{kind}" for kind in ("ids", "nodeids", "treeids")))
    return _Held((*weights, *(f"{name}_as_tensor" for name in weights)), structure)


# operator of ai.onnx.ml -> what it holds
_IN_ATTRIBUTES: dict[str, _Held] = {
    "TreeEnsemble": _Held(
        ("nodes_splits", "leaf_weights", "membership_values"),
        (*_NODES, "nodes_trueleafs", "nodes_falseleafs", "leaf_targetids", "tree_roots"),
    ),
    "TreeEnsembleClassifier": _trees("class"),
    "TreeEnsembleRegressor": _trees("target"),
    "LinearClassifier": _LINEAR,
    "LinearRegressor": _LINEAR,
    "SVMClassifier": _Held(_SUPPORT, ("vectors_per_class",)),
    "SVMRegressor": _Held(_SUPPORT),
}


def in_attributes(node: onnx.NodeProto) -> Iterator[Weight]:
    """Its weights, and what says how they hang together; nothing of an operator that has none."""
    held = _IN_ATTRIBUTES.get(node.op_type) if domain(node) == "ai.onnx.ml" else None
    if held is None:
        return
    settings = options(node)
    modes = _array(settings.get("nodes_modes", []))
    for name in held.weights:
        array = _array(settings.get(name, []))
        if not array.size:
            continue
        if name.startswith("nodes_values") and len(array) == len(modes):
            used = array[modes != b"LEAF"]  # a leaf's threshold is a filler
            yield Weight(array, used.size, int(np.count_nonzero(used)), array.dtype.name)
        else:
            yield plain(array)
    for name in held.structure:
        array = _array(settings.get(name, []))
        if array.size:
            yield Weight(_coded_as_number(array), 0, 0, "")


def _array(value: Any) -> NDArray[Any]:
    """An attribute of numbers or texts; numbers of a list are float32 or int64."""
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    floats = any(isinstance(x, float) for x in value)
    return np.asarray(value, np.float32) if floats else np.asarray(value)


def _coded_as_number(array: NDArray[Any]) -> NDArray[Any]:
    """Texts by their place among those that occur; numbers in as few bytes as they need."""
    if array.dtype.kind in "SUO":
        array = np.unique(array, return_inverse=True)[1]
    if array.dtype.kind == "i" and array.min() >= 0:
        return array.astype(np.min_scalar_type(int(array.max())))
    return array
