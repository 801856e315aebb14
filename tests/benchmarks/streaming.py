"""How fast a set trains that is read from a file, against the same set in memory.

`python -m tests.benchmarks.streaming [TURNS] [IMAGES]`: the net `cnn` on uint8 images of 3×32×32,
60,000 if nothing else is said, an epoch of memory and one of the file taking turns, moved by up to
2 pixels; the ratio of their wall times, validation left out. `… limit 300 2000000` trains a set of
2,000,000 images (6 GB, a file of zeros that takes no room) for 300 steps in a process that may hold
1.5 GB of its own (RLIMIT_DATA: `ulimit -v` would count the file's addresses too), and says what
happens where it is read into memory.
"""

from __future__ import annotations

import resource
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import torch

from compbench.contracts import Recipe, Split, TrainingData
from compbench.contracts.inputs import PIXELS
from compbench.models import cnn
from compbench.tasks import classification
from compbench.training.loop import Fit
from tests.nets import image_signature

SHAPE, CLASSES, AT_LEAST = (3, 32, 32), 10, 0.7
SIGNATURE = image_signature(*SHAPE, CLASSES)
MOST_BYTES = 1_500_000_000
RECIPE = Recipe(epochs=1, shift_pixels=2)


def images(path: Path, count: int, filled: bool = True) -> np.ndarray:
    """A file of noise, or of zeros that takes no room on the disk, mapped into memory."""
    made = np.lib.format.open_memmap(path, "w+", np.uint8, (count, *SHAPE))
    random = np.random.default_rng(0)
    for start in range(0, count if filled else 0, 10_000):
        part = made[start : start + 10_000]
        part[:] = random.integers(0, 256, part.shape, np.uint8)
    made.flush()
    return np.load(path, mmap_mode="r")


def data(train: np.ndarray, further: np.ndarray) -> TrainingData:
    def split(array: np.ndarray) -> Split:
        return Split({PIXELS: array}, np.arange(len(array), dtype=np.int64) % CLASSES)

    return TrainingData(split(train), split(further), classification.Task(), SIGNATURE)


def seconds(data: TrainingData, recipe: Recipe = RECIPE) -> float:
    """Of an epoch of training."""
    torch.manual_seed(0)
    model = cnn.Model().build(SIGNATURE)
    fit = Fit(data, 0, lambda *_: None)
    started = perf_counter()
    fit(model, recipe)
    return perf_counter() - started


def compared(turns: int, count: int) -> str:
    """One line."""
    with tempfile.TemporaryDirectory() as folder:
        mapped = images(Path(folder) / "images.npy", count)
        held = np.array(mapped)
        from_file, from_memory = (data(array, held[:256]) for array in (mapped, held))
        taken = [(seconds(from_memory), seconds(from_file)) for _ in range(turns)]
    ratio = median(memory / file for memory, file in taken)
    memory, file = (min(times) for times in zip(*taken, strict=True))
    verdict = "reached" if ratio >= AT_LEAST else "missed"
    return (
        f"{count} images, {turns} turns: from a file {ratio:.2f}x the speed of memory (at least "
        f"{AT_LEAST}: {verdict}); the best epochs: memory {memory:.2f} s, file {file:.2f} s"
    )


def limited(steps: int, count: int) -> str:
    """One line on a set that is larger than what the process may hold."""
    with tempfile.TemporaryDirectory() as folder:
        mapped = images(Path(folder) / "images.npy", count, filled=False)
        few = np.zeros((256, *SHAPE), np.uint8)
        whole = data(mapped, few)
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
        try:
            np.array(mapped)
            held = "fits"
        except MemoryError:
            held = "does not fit"
        picked = np.random.default_rng(0).permutation(count)[: steps * RECIPE.batch_size]
        part = replace(whole, train=whole.train.part(np.sort(picked)))
        assert not part.train.is_in_memory
        taken = seconds(part)
    return (
        f"{count} images of {mapped.nbytes / 1e9:.1f} GB where {MOST_BYTES / 1e9:.1f} GB may be "
        f"held: in memory it {held}; {steps} steps on samples from all of the file: {taken:.1f} s"
    )


def main() -> None:
    """Print the line asked for."""
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["limit"]:
        print(limited(int(sys.argv[2]), int(sys.argv[3])))
        return
    turns, count = (*sys.argv[1:], *("3", "60000")[len(sys.argv) - 1 :])
    print(compared(int(turns), int(count)))


if __name__ == "__main__":
    main()
