"""What the sizes of a large pruned file cost, and that variants of the same bytes share them.

`python -m tests.benchmarks.accounting` measures torchvision's resnet18 of 10 classes with 80 % of
its weights zero, a file of 44.7 MB, as a run does: through `KnownSizes`, in a process of its own.
Then the same bytes under another name, as in another run. Its weights are noise, whose bits are as
random as learnt ones'. CPU seconds are those of all processes. A minute.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from compbench.data.torchvision import torchvision
from compbench.files import sha256
from compbench.make.known_sizes import KnownSizes
from compbench.onnxfile.export import to_onnx
from compbench.runtime.process import Arrays, Worker
from compbench.toolkit import masks
from tests.benchmarks.bounds import Bounds
from tests.nets import image_signature

ZEROS, FILE_MB, CLASSES = 0.8, 44.7, 10
AGAIN_CPU_S = 0.5


def pruned() -> bytes:
    """The net as an ONNX file: the smallest weights of all its convolutions and its last layer."""
    random = np.random.default_rng(0)
    net = torchvision("models").resnet18(num_classes=CLASSES)
    weights = {name: one for name, one in net.named_parameters() if one.ndim > 1}
    with torch.no_grad():
        for weight in weights.values():
            weight.copy_(torch.from_numpy(random.normal(0, 0.02, weight.shape)))
        for name, kept in masks.smallest(weights, ZEROS, "global").items():
            weights[name].mul_(kept)
    return to_onnx(net.eval(), image_signature(3, 32, 32, CLASSES))


def accounted(path: Path, results: Path) -> tuple[Arrays, float, float]:
    """A file's sizes, and how many seconds it took to know them: by the wall, and of CPU."""
    started, before = time.perf_counter(), os.times()
    with Worker() as worker:
        found = KnownSizes(results).of(path, sha256(path), worker)
    cpu = sum(os.times()[:4]) - sum(before[:4])
    return found, time.perf_counter() - started, cpu


def main() -> None:
    """Print what it took the first time and again."""
    torch.set_num_threads(1)
    bounds = Bounds()
    with tempfile.TemporaryDirectory(prefix="compbench-accounting-") as scratch:
        file, again = Path(scratch) / "first.onnx", Path(scratch) / "again.onnx"
        file.write_bytes(pruned())
        shutil.copy(file, again)
        found, seconds, cpu = accounted(file, Path(scratch))
        shared, seconds_again, cpu_again = accounted(again, Path(scratch))
    size, coded = (int(found[name]) / 1e6 for name in ("size_bytes", "coded_bytes"))
    zeros = 1 - float(found["nonzero_parameters"]) / float(found["parameters"])
    print(f"{size:.1f} MB, {zeros:.1%} of its weights zero, coded in {coded:.2f} MB")
    print(f"first time: {cpu:.1f} s CPU in {seconds:.1f} s; again in {seconds_again:.2f} s")
    bounds.holds(f"the file has {size:.1f} MB", f"{FILE_MB} MB", abs(size - FILE_MB) < 0.5)
    bounds.at_most("the same bytes again", cpu_again, AGAIN_CPU_S, "s CPU")
    same = found.keys() == shared.keys() and all(
        np.array_equal(array, shared[name]) for name, array in found.items()
    )
    bounds.holds("the same sizes again" if same else "OTHER SIZES again", "the same", same)
    bounds.end()


if __name__ == "__main__":
    main()
