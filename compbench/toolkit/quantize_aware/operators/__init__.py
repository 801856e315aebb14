"""ONNX operators in torch, with gradients where their inputs have some.

Each takes a node's inputs, then its attributes by name: https://onnx.ai/onnx/operators. Sizes,
axes and indices are tensors of integers. Those that give several outputs give a tuple.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from compbench.toolkit.quantize_aware.operators import (
    elementwise,
    layers,
    places,
    recurrent,
    reductions,
    shapes,
)

KNOWN: dict[str, Callable[..., Any]] = {
    **elementwise.KNOWN,
    **layers.KNOWN,
    **places.KNOWN,
    **recurrent.KNOWN,
    **reductions.KNOWN,
    **shapes.KNOWN,
}
