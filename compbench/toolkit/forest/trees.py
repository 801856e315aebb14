"""Trees as plain arrays, of whichever model of scikit-learn they come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compbench.contracts import Inputs, Split

LEAF = -1


@dataclass(frozen=True)
class Tree:
    """A tree of nodes, the root first: x[feature] ≤ threshold goes left, an absent x as it says.

    Children of a leaf are `LEAF`. `values` (nodes, V) are of leaves, for the outputs from
    `first_output` on.
    """

    feature: NDArray[np.int64]
    threshold: NDArray[np.float32]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    absent_goes_left: NDArray[np.bool_]
    values: NDArray[np.float64]
    first_output: int = 0

    @property
    def is_leaf(self) -> NDArray[np.bool_]:
        """Of each node."""
        return self.left == LEAF


@dataclass(frozen=True)
class Ensemble:
    """Trees whose answers are put together: their mean, or their sum and `base` (K,)."""

    trees: tuple[Tree, ...]
    outputs: int
    base: NDArray[np.float64] | None = None

    @property
    def is_mean(self) -> bool:
        """Whether it is the mean."""
        return self.base is None


def below(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest float32 that is not above each: x ≤ either is the same for every float32 x."""
    found = thresholds.astype(np.float32)
    is_above = found.astype(np.float64) > thresholds
    return np.where(is_above, np.nextafter(found, np.float32(-np.inf)), found)


def of_tree(model: Any) -> Tree:
    """A `DecisionTreeRegressor`'s, for all outputs."""
    tree = model.tree_
    return Tree(
        np.maximum(tree.feature, 0),
        below(tree.threshold),
        tree.children_left,
        tree.children_right,
        tree.missing_go_to_left.astype(bool),
        tree.value[:, :, 0],
    )


def of_boosting(model: Any, output: int) -> list[Tree]:
    """A `HistGradientBoostingRegressor`'s, for one output.

    Nothing public tells its nodes; skl2onnx reads them so, too.
    """
    return [_of_nodes(one.nodes, output) for (one,) in model._predictors]


def _of_nodes(nodes: Any, output: int) -> Tree:
    is_leaf, sides = nodes["is_leaf"].astype(bool), ("left", "right")
    left, right = (np.where(is_leaf, LEAF, nodes[one].astype(np.int64)) for one in sides)
    return Tree(
        np.where(is_leaf, 0, nodes["feature_idx"].astype(np.int64)),
        below(np.where(is_leaf, 0.0, nodes["num_threshold"])),
        left,
        right,
        nodes["missing_go_to_left"].astype(bool),
        nodes["value"][:, None].astype(np.float64),
        output,
    )


def table(inputs: Inputs) -> NDArray[np.float32]:
    """Raw inputs (N, …), the one beside the other, as rows of numbers (N, F)."""
    arrays = [array.reshape(len(array), -1) for array in inputs.values()]
    found = np.empty((len(arrays[0]), sum(array.shape[1] for array in arrays)), np.float32)
    np.concatenate(arrays, axis=1, out=found, casting="unsafe")
    return found


def table_of(split: Split) -> NDArray[np.float32]:
    """All samples of a split (N, F), read part by part."""
    width = sum(int(np.prod(shape)) for _, shape in split.kinds.values())
    found, done = np.empty((len(split), width), np.float32), 0
    for raw in split.chunks():
        rows = table(raw)
        found[done : done + len(rows)] = rows
        done += len(rows)
    return found
