"""ONNX bytes -> what the file holds: bytes, parameters, multiply-accumulates."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from compbench.onnxfile import coding
from compbench.onnxfile.macs import macs
from compbench.onnxfile.metadata import net_sha256
from compbench.onnxfile.weights import Weight, weights


@dataclass(frozen=True)
class Size:
    """What lies on disk and what one inference of one image computes.

    `packed_bytes` are those of the file packed with zstd, `coded_bytes` those of its weights alone,
    entropy-coded (see `coding`). `parameters` counts the elements of weights and biases (a tree's
    thresholds and what its leaves give), `nonzero_parameters` those that are not zero; scales, zero
    points and the statistics of a batch normalization are neither (where it was folded into a
    convolution, that one's bias stands for its two parameters of each channel). `macs` are
    multiply-accumulate operations of products that are summed (see `products`). `weight_types`
    counts the parameters by type; `opset` is that of ONNX's own operators, 0 where it has none of
    these. None is what can't be told: an operator isn't known, or a shape.
    """

    size_bytes: int
    packed_bytes: int
    coded_bytes: int | None
    parameters: int | None
    nonzero_parameters: int | None
    macs: int | None
    opset: int
    weight_types: dict[str, int]  # empty where they can't be told


def measure(file: bytes) -> Size:
    """The size of an ONNX file's bytes. Raises ValueError where its weights can't be coded."""
    model = onnx.load_model_from_string(file)
    found = weights(model)
    return Size(
        len(file),
        len(coding.packed(file)),
        None if found is None else len(_coded(found)),
        None if found is None else sum(w.count for w in found),
        None if found is None else sum(w.nonzero for w in found),
        macs(model),
        next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0),
        _by_type(found or []),
    )


def measured(spec: dict[str, Any], _: object) -> dict[str, NDArray[Any]]:
    """The same of the file at a path, as arrays; what is unknown is left out."""
    content = Path(spec["file"]).read_bytes()
    found = asdict(measure(content))
    types = found.pop("weight_types")
    return {
        "net_sha256": np.array(net_sha256(content)),
        "type": np.array(list(types), np.str_),
        "count": np.array(list(types.values()), np.int64),
        **{name: np.array(value) for name, value in found.items() if value is not None},
    }


def _coded(found: list[Weight]) -> bytes:
    """The weights, coded; they were decoded again and were the same bits."""
    arrays = [weight.stored for weight in found]
    content = coding.encode(arrays)
    pairs = zip(arrays, coding.decode(content), strict=True)
    if any(ours.tobytes() != back.tobytes() for ours, back in pairs):
        raise ValueError("coded weights came back as others")
    return content


def _by_type(found: list[Weight]) -> dict[str, int]:
    """Type -> how many parameters have it, the commonest first."""
    counts: Counter[str] = Counter()
    for weight in found:
        if weight.count:
            counts[weight.type] += weight.count
    return dict(counts.most_common())
