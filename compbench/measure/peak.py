"""The arithmetic peak that ONNX Runtime reaches on a target: the limit to compare models with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from compbench.runtime.session import OrtSession
from compbench.runtime.target import Target

SIDE = (
    512  # of the square matrices: large enough to be bound by arithmetic, small enough for caches
)
RUNS = 25


def macs_per_s(target: Target, clock: Callable[[], int]) -> float:
    """float32 multiply-accumulates a second of the fastest of some large matrix products."""
    session = OrtSession(product(SIDE), target)
    session.bind({"input": np.ones((SIDE, SIDE), np.float32)})
    fastest = None
    for _ in range(RUNS):
        before = clock()
        session.run()
        duration = clock() - before
        fastest = duration if fastest is None else min(fastest, duration)
    assert fastest
    return SIDE**3 * 1e9 / fastest


def product(side: int) -> bytes:
    """An ONNX file: input float32 (batch, side) times a fixed matrix (side, side)."""
    from onnx import TensorProto, helper, numpy_helper

    matrix = np.random.default_rng(0).normal(size=(side, side)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["input", "matrix"], ["logits"])],
        "product",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", side])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", side])],
        [numpy_helper.from_array(matrix, "matrix")],
    )
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=9).SerializeToString()
