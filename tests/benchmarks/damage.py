"""Does the gate find a damaged weight, and leave alone a change that is within noise?

`python -m tests.benchmarks.damage 10 [model.onnx]`, with COMPBENCH_DATA naming the folder that has
MNIST: noise on the largest weight, as much of it as takes 0.5 percentage points of test accuracy;
and so little that about ten of the 10,000 test images change sides. Without a file it trains one.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from compbench import accuracy, data, gates
from compbench.contracts import Split
from compbench.data import Data
from compbench.datasets import mnist
from compbench.session import OrtSession
from compbench.suite import Gate
from compbench.targets import Target

DROP, NEAR = 0.005, 0.0005  # of accuracy
FLIPPED, ABOUT = 10, 4  # images
HALVINGS = 40


@dataclass(frozen=True)
class Damaged:
    """A model with noise on its largest weight, and which test images it has right."""

    scale: float  # standard deviation of the noise, in those of the weight
    correct: NDArray[np.uint8]


def trained(loaded: Data) -> bytes:
    """The smallest of the shipped students, after two epochs."""
    import torch

    from compbench.export import to_onnx
    from compbench.fit import Fit
    from compbench.models import mlp
    from compbench.recipe import Recipe

    torch.manual_seed(0)
    fit = Fit(loaded.training, 0, lambda epoch, total: None)
    net = mlp.Model().build(loaded.training.shape, loaded.training.classes)
    return to_onnx(fit(net, Recipe(epochs=2)), loaded.training.shape)


def with_noise(file: bytes, scale: float, seed: int) -> bytes:
    """The file with normal noise on its largest float32 weight."""
    model = onnx.load_model_from_string(file)
    floats = [w for w in model.graph.initializer if w.data_type == TensorProto.FLOAT]
    weight = max(floats, key=lambda one: int(np.prod(one.dims)))
    values = numpy_helper.to_array(weight)
    noise = np.random.default_rng(seed).normal(0, scale * values.std(), values.shape)
    damaged = (values + noise).astype(np.float32)
    weight.CopyFrom(numpy_helper.from_array(damaged, weight.name))
    return model.SerializeToString()


def correct(file: bytes, test: Split) -> NDArray[np.uint8]:
    """As the gate computes it: on the deployed file."""
    return accuracy.correct(accuracy.logits(OrtSession(file, Target()), test.images), test)


def until(
    file: bytes, test: Split, seed: int, distance: Callable[[NDArray[np.uint8]], float]
) -> Damaged:
    """As much noise as it takes: bisection until `distance` (too little is negative) is 0."""
    low, high = 0.0, 4.0
    for _ in range(HALVINGS):
        scale = (low + high) / 2
        found = Damaged(scale, correct(with_noise(file, scale, seed), test))
        off = distance(found.correct)
        if off == 0:
            return found
        low, high = (scale, high) if off < 0 else (low, scale)
    raise RuntimeError(f"no noise of seed {seed} does it")


def main() -> None:
    """Print a line for each repetition, then the counts."""
    trials, files = int(sys.argv[1]), sys.argv[2:]
    loaded = data.load(mnist.Dataset(), Path(os.environ["COMPBENCH_DATA"]))
    file = Path(files[0]).read_bytes() if files else trained(loaded)
    test, limits = loaded.test, Gate()
    base = correct(file, test)
    print(f"{files[0] if files else 'an mlp'}: accuracy {base.mean():.2%}", flush=True)

    def drop(now: NDArray[np.uint8]) -> float:
        """By how much it is beyond the drop that is wanted; 0 where it is near enough."""
        off = float(base.mean() - now.mean()) - DROP
        return 0 if abs(off) <= NEAR else off

    def flips(now: NDArray[np.uint8]) -> float:
        off = int((now != base).sum()) - FLIPPED
        return 0 if abs(off) <= ABOUT else off

    for name, distance in (("damaged", drop), ("within noise", flips)):
        verdicts = Counter()
        for seed in range(trials):
            found = until(file, test, seed, distance)
            result = gates.accuracy(base, found.correct, limits.accuracy_drop)
            verdicts[str(result.verdict)] += 1
            lost, gained = ((base > found.correct).sum(), (base < found.correct).sum())
            print(f"  {name}, noise {found.scale:.3f} σ: {lost} images lost, {gained} gained; {result}")
        print(f"{name}: {dict(verdicts)} of {trials}", flush=True)


if __name__ == "__main__":
    main()
