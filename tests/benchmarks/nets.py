"""ONNX files to measure the measurement with: a convolutional net, and one a few percent slower."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from compbench.contracts import Inputs
from compbench.contracts.inputs import PIXELS
from tests.benchmarks import plain_loop
from tests.nets import image_signature

SIGNATURE = image_signature(1, 28, 28, classes=10)


def images(count: int = 64) -> Inputs:
    random = np.random.default_rng(0)
    return {PIXELS: random.integers(0, 256, (count, *SIGNATURE.image), np.uint8)}


def convolutional(channels: tuple[int, ...] = (32, 64)) -> bytes:
    """The `cnn` family's net with random weights, exported as the suite would."""
    import torch

    from compbench.models import cnn
    from compbench.onnxfile.export import to_onnx

    torch.manual_seed(0)
    return to_onnx(cnn.Model(channels=channels).build(SIGNATURE), SIGNATURE)


def identity() -> bytes:
    """One Identity node, (batch, 10) -> (batch, 10): nothing but the runtime's own cost."""
    values = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", 10])
        for n in ("input", "logits")
    ]
    node = helper.make_node("Identity", ["input"], ["logits"])
    graph = helper.make_graph([node], "identity", values[:1], values[1:])
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=9).SerializeToString()


def slowed(file: bytes, width: int) -> bytes:
    """The same net with a matrix product of that width beside it, whose result is added times 0."""
    model = onnx.load_model_from_string(file)
    pixels = SIGNATURE.image.height * SIGNATURE.image.width
    weights = {
        "slow_shape": np.array([-1, pixels], np.int64),
        "slow_matrix": np.random.default_rng(1).normal(size=(pixels, width)).astype(np.float32),
        "slow_zero": np.zeros((width, 10), np.float32),
    }
    graph = model.graph
    graph.initializer.extend(numpy_helper.from_array(array, n) for n, array in weights.items())
    for node in graph.node:
        node.output[:] = ["fast_logits" if name == "logits" else name for name in node.output]
    graph.node.extend(
        [
            helper.make_node("Reshape", [PIXELS, "slow_shape"], ["slow_flat"]),
            helper.make_node("MatMul", ["slow_flat", "slow_matrix"], ["slow_hidden"]),
            helper.make_node("MatMul", ["slow_hidden", "slow_zero"], ["slow_logits"]),
            helper.make_node("Add", ["fast_logits", "slow_logits"], ["logits"]),
        ]
    )
    return model.SerializeToString()


def slower_by(share: float, file: bytes, folder: Path) -> tuple[Path, Path, float]:
    """The net, one that is really slower by about `share`, and by how much it is.

    Width by bisection; how much slower it is is measured by a plain loop, not by what is tested,
    and once more when it is chosen, for the best of many is too good.
    """
    base, slow = folder / "base.onnx", folder / "slow.onnx"
    base.write_bytes(file)
    low, high, best = 1, 512, (np.inf, 1)
    for _ in range(7):
        width = (low + high) // 2
        slow.write_bytes(slowed(file, width))
        found = plain_loop.slowdown(slow, base)
        best = min(best, (abs(found - share), width))
        low, high = (width + 1, high) if found < share else (low, width - 1)
        if best[0] < 0.002 or low > high:
            break
    slow.write_bytes(slowed(file, best[1]))
    return base, slow, plain_loop.slowdown(slow, base)


def main() -> None:
    """Show the calibration."""
    with tempfile.TemporaryDirectory() as folder:
        *_, found = slower_by(0.05, convolutional(), Path(folder))
    print(f"the slower net is {found:.1%} slower")


if __name__ == "__main__":
    main()
