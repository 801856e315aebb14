"""Does the accuracy gate find half a percentage point, and leave noise alone?

`python -m tests.benchmarks.damage 10 model.onnx` damages a net trained on MNIST (COMPBENCH_DATA)
ten times, by noise on the weights of one layer until it loses about 0.5 pp, and changes it ten
times by so little that as many images are won as lost; the gate judges each. None that lost half a
point may pass, and none within noise may fail. A few minutes.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from compbench.contracts import Split
from compbench.data import splits
from compbench.gate.checks import quality
from compbench.registry import registry
from compbench.runtime import inference
from compbench.runtime.session import OrtSession
from compbench.runtime.target import Target
from compbench.tasks import classification
from tests.benchmarks.bounds import Bounds

DROP, TOLERANCE = 0.005, 0.0005
WITHIN_NOISE = 0.0003  # a change of accuracy this small, of 10,000 images


def noisy(file: bytes, seed: int, scale: float) -> bytes:
    """The same net with noise on its largest layer, relative to the spread of its weights."""
    model = onnx.load_model_from_string(file)
    largest = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    weights = numpy_helper.to_array(largest)
    noise = np.random.default_rng(seed).normal(0, scale * weights.std(), weights.shape)
    changed = numpy_helper.from_array((weights + noise).astype(weights.dtype), largest.name)
    largest.CopyFrom(changed)
    return model.SerializeToString()


def right(file: bytes, test: Split) -> NDArray[np.uint8]:
    """1 for each test image that the file classifies rightly."""
    path = Path("/tmp") / f"compbench-damage-{os.getpid()}.onnx"
    path.write_bytes(file)
    try:
        outputs = inference.outputs(OrtSession(str(path), Target()), test.arrays)
        return classification.Task().scores(outputs, test.targets)
    finally:
        path.unlink()


def damaged(file: bytes, seed: int, test: Split, before: float) -> NDArray[np.uint8]:
    """Noise is searched for by bisection until the accuracy is down by `DROP`."""
    low, high = 0.0, 4.0
    for _ in range(14):
        scale = (low + high) / 2
        found = right(noisy(file, seed, scale), test)
        drop = before - found.mean()
        if abs(drop - DROP) <= TOLERANCE:
            return found
        low, high = (scale, high) if drop < DROP else (low, scale)
    raise RuntimeError(f"no noise of seed {seed} costs {DROP:.1%}")


def main() -> None:
    """Print the verdicts."""
    times, file = int(sys.argv[1]), Path(sys.argv[2]).read_bytes()
    folder = Path(os.environ["COMPBENCH_DATA"])
    test = splits.load(registry.find("dataset", "mnist")(), folder).test
    before = right(file, test)
    found: dict[str, Counter[str]] = {"half a point lost": Counter(), "within noise": Counter()}
    for seed in range(times):
        worse = quality.Check().judge_scores(before, damaged(file, seed, test, before.mean()))
        found["half a point lost"][str(worse.verdict)] += 1
        scale = 0.5
        while True:  # ever less noise, until no more than a few images changed sides
            like = right(noisy(file, seed, scale), test)
            if abs(like.mean() - before.mean()) <= WITHIN_NOISE and (like != before).any():
                break
            scale *= 0.8
        same = quality.Check().judge_scores(before, like)
        found["within noise"][str(same.verdict)] += 1
        print(f"seed {seed}: {worse.line}; within noise: {same.line}", flush=True)
    print({name: dict(verdicts) for name, verdicts in found.items()})
    bounds = Bounds()
    bounds.none_of("half a point lost, passed", found["half a point lost"]["PASS"])
    bounds.none_of("within noise, failed", found["within noise"]["FAIL"])
    bounds.end()


if __name__ == "__main__":
    main()
