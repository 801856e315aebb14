"""How fast a set trains that is read from a file, against the same samples in memory.

`python -m tests.benchmarks.streaming [TURNS] [IMAGES]`: the net `cnn` on uint8 images of 3×32×32,
60,000 if nothing else is said, an epoch of memory and one of the file taking turns, moved by up to
2 pixels; the ratio of their wall times, validation left out. `… limit TURNS STEPS IMAGES` trains on
a set that is larger than what the process may hold, 1.5 GB of its own (RLIMIT_DATA: `ulimit -v`
would count the file's addresses too): each turn on other samples from all of the file, and on the
same ones in memory. Of 600,000 images (1.8 GB) it also says what happens where they are read into
memory. In both the file must reach 0.7 of memory's speed: the median over the turns. The file was
just written: what the system keeps of it in its cache is not read from the disk. Five minutes each.
"""

from __future__ import annotations

import resource
import sys
import tempfile
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
from tests.benchmarks.bounds import Bounds
from tests.nets import image_signature

SHAPE, CLASSES, AT_LEAST = (3, 32, 32), 10, 0.7
SIGNATURE = image_signature(*SHAPE, CLASSES)
MOST_BYTES = 1_500_000_000
FEW = 256  # images to choose epochs by
RECIPE = Recipe(epochs=1, shift_pixels=2)


def images(path: Path, count: int) -> np.ndarray:
    """A file of noise, mapped into memory."""
    made = np.lib.format.open_memmap(path, "w+", np.uint8, (count, *SHAPE))
    random = np.random.default_rng(0)
    for start in range(0, count, 10_000):
        part = made[start : start + 10_000]
        part[:] = random.integers(0, 256, part.shape, np.uint8)
    made.flush()
    return np.load(path, mmap_mode="r")


def data(train: Split, further: np.ndarray) -> TrainingData:
    return TrainingData(train, split(further), classification.Task(), SIGNATURE)


def split(array: np.ndarray) -> Split:
    return Split({PIXELS: array}, np.arange(len(array), dtype=np.int64) % CLASSES)


def seconds(data: TrainingData) -> float:
    """Of an epoch of training."""
    torch.manual_seed(0)
    model = cnn.Model().build(SIGNATURE)
    fit = Fit(data, 0, lambda *_: None)
    started = perf_counter()
    fit(model, RECIPE)
    return perf_counter() - started


Turn = tuple[float, float]  # seconds of an epoch of memory, and of one of the file


def turn(number: int, from_memory: TrainingData, from_file: TrainingData) -> Turn:
    """One epoch of each; which is first changes from turn to turn."""
    assert from_memory.train.is_in_memory and not from_file.train.is_in_memory
    if number % 2:
        file = seconds(from_file)
        return seconds(from_memory), file
    return seconds(from_memory), seconds(from_file)


def whole(turns: int, count: int) -> list[Turn]:
    """Epochs of all of a set that fits into memory."""
    with tempfile.TemporaryDirectory() as folder:
        mapped = images(Path(folder) / "images.npy", count)
        held = np.array(mapped)
        pair = data(split(held), held[:FEW]), data(split(mapped), held[:FEW])
        return [turn(number, *pair) for number in range(turns)]


def limited(turns: int, steps: int, count: int) -> list[Turn]:
    """Epochs of some of the samples of a set that is larger than what the process may hold.

    Raises AssertionError where it could hold them all.
    """
    with tempfile.TemporaryDirectory() as folder:
        mapped = images(Path(folder) / "images.npy", count)
        few = np.array(mapped[:FEW])
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
        try:
            np.array(mapped)
            raise AssertionError(f"{mapped.nbytes:,} bytes fit into {MOST_BYTES:,}")
        except MemoryError:
            print(f"{mapped.nbytes / 1e9:.2f} GB don't fit into {MOST_BYTES / 1e9} GB", flush=True)
        random, taken = np.random.default_rng(0), list[Turn]()
        for number in range(turns):
            picked = np.sort(random.permutation(count)[: steps * RECIPE.batch_size])
            part = split(mapped).part(picked)
            held = Split(part.take(np.arange(len(part))), part.targets)
            taken.append(turn(number, data(held, few), data(part, few)))
        return taken


def main() -> None:
    """Print the times, and the ratio with its bound."""
    torch.set_num_threads(1)
    bounds = Bounds()
    if sys.argv[1:2] == ["limit"]:
        turns, steps, count = (*map(int, sys.argv[2:]), *(5, 300, 600_000)[len(sys.argv) - 2 :])
        taken = limited(turns, steps, count)
    else:
        turns, count = (*map(int, sys.argv[1:]), *(5, 60_000)[len(sys.argv) - 1 :])
        taken = whole(turns, count)
    ratios = [memory / file for memory, file in taken]
    memory, file = (min(times) for times in zip(*taken, strict=True))
    print(
        f"{count:,} images, {turns} turns: ratios {min(ratios):.2f} to {max(ratios):.2f}; the best"
    )
    print(f"epochs: memory {memory:.2f} s, file {file:.2f} s")
    bounds.at_least("speed from the file over that of memory", median(ratios), AT_LEAST)
    bounds.end()


if __name__ == "__main__":
    main()
