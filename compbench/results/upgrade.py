"""Records of former versions, brought to what is written today. History: nothing new goes here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from compbench.headline import ACCURACY

# before techniques said it of themselves, a run recorded only their names: (family, scheme)
TECHNIQUES = {
    "cluster_weights": ("shared weights", ""),
    "distill": ("distilled", ""),
    "float16": ("half precision", "in float16"),
    "low_rank": ("low rank", ""),
    "prune_channels": ("pruned", ""),
    "prune_weights": ("pruned", ""),
    "quantize_aware": ("quantized", ""),
    "quantize_dynamic": ("quantized", ""),
    "quantize_static": ("quantized", ""),
    "quantize_weights": (
        "quantized",
        "weights in {bits} bits, blocks of {block_size}, multiplied with {activation_type} "
        "activations",
    ),
    "train": ("trained", ""),
}
_TAUGHT = "distill"
# before there were tasks all was classified, and a sample's score was whether that was right
METRICS = {"accuracy": "score", "validation_accuracy": "validation_score"}
COLUMNS = {"correct": "score", "validation_accuracy": "validation"}
CLASSIFICATION = {"headline": ACCURACY.model_dump(), "has_classes": True}
_Column = TypeVar("_Column")


def row(recorded: dict[str, Any]) -> dict[str, Any]:
    """A row as it stands in a file, its metric and its columns called as they are today."""
    metric = recorded["metric"]
    found = {**recorded, "metric": METRICS.get(metric, metric)}
    if found["metric"] in (*METRICS.values(), "history") and found.get("samples"):
        found["samples"] = columns(found["samples"])
    return found


def columns(named: Mapping[str, _Column]) -> dict[str, _Column]:
    """The columns of scores or of a training's history, called as they are today."""
    return {COLUMNS.get(name, name): column for name, column in named.items()}


def reference(recorded: dict[str, Any]) -> dict[str, Any]:
    """A published figure, which was an accuracy once: today it is the metric's `value`."""
    if "accuracy" not in recorded:
        return recorded
    return {"value" if name == "accuracy" else name: x for name, x in recorded.items()}


def dataset(recorded: dict[str, Any]) -> dict[str, Any]:
    """A dataset of `run.json` with its inputs: before they had names there were images alone."""
    if "inputs" in recorded or "shape" not in recorded:
        return recorded
    scaling = {"mean": [recorded["mean"]], "std": [recorded["std"]], "full": 255.0}
    pixels = {"dtype": "uint8", "shape": recorded["shape"], "normalisation": scaling}
    return {**recorded, "inputs": {"pixels": {**pixels, "free_axes": []}}}


def variant(recorded: dict[str, Any]) -> dict[str, Any]:
    """A variant of `run.json` with what its technique says of itself: see `TechniqueBase.says`.

    One that was recorded with it stays as it is; a technique from elsewhere is of its own family.
    """
    if "family" in recorded:
        return recorded
    name = recorded["technique"]
    own = name.rpartition(":")[0].rpartition(".")[2] or name
    family, scheme = TECHNIQUES.get(name, (own, ""))
    says = {"family": family, "teaches": name == _TAUGHT, "scheme": scheme}
    return {"technique": name, **says, **recorded}


def gate(recorded: dict[str, Any]) -> dict[str, Any]:
    """A recorded `[gate]` table: a drop of 0 was the default once, and meant none beyond noise.

    Nobody had set it then; today the split says how much that is. Tables of today name launches.
    """
    if "latency_launches" in recorded or recorded.get("accuracy_drop") != 0:
        return {"quality_drop" if n == "accuracy_drop" else n: v for n, v in recorded.items()}
    return {name: value for name, value in recorded.items() if name != "accuracy_drop"}
