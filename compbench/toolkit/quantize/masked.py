"""Numbers without a useful range, which attention hides scores with: their nodes stay in floats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx import ModelProto
    from onnxruntime.quantization.calibrate import TensorsData

MOST_IN_RANGE = 1e6  # what is larger is no activation
MOST_SCORED = 1e3  # e^-1000 is 0 in every float: what is so far from 0 is no score, but a mask
_ON_THE_WAY = {  # from where a mask is added to the softmax
    "Add",
    "Cast",
    "Clip",
    "Div",
    "Identity",
    "Max",
    "Min",
    "Mul",
    "Reshape",
    "Squeeze",
    "Sub",
    "Transpose",
    "Unsqueeze",
    "Where",
}


def masked(model: ModelProto, ranges: TensorsData) -> list[str]:
    """The nodes that take or give such numbers, by the ranges that calibration found.

    8 bits from minus infinity, or from a mask's minus ten thousand, to 1 would leave one number.
    """
    scores = _before_softmax(model)
    odd = {
        name
        for name, found in ranges.items()
        if hasattr(found, "range_value")
        and not np.all(
            np.abs(found.range_value) < (MOST_SCORED if name in scores else MOST_IN_RANGE)
        )
    }
    return [n.name for n in model.graph.node if odd & {*n.input, *n.output}]


def _before_softmax(model: ModelProto) -> set[str]:
    """The tensors that a softmax sees, and those that they are made of number by number."""
    makers = {output: node for node in model.graph.node for output in node.output}
    left = [n.input[0] for n in model.graph.node if n.op_type in ("Softmax", "LogSoftmax")]
    found = set[str]()
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            maker = makers.get(name)
            left += maker.input if maker and maker.op_type in _ON_THE_WAY else ()
    return found
