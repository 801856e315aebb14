"""How quickly 60,000 images are read, and how much memory a run of them holds before it trains.

`python -m tests.benchmarks.images [IMAGES]` takes CIFAR-10 as JPEGs in a zip
(`cifar10/cifar10-images.zip` under COMPBENCH_DATA; where that is not, or as many images are asked
for, noise as JPEGs that is made here). All that a run reads of them before it asks for a net is
read in fresh processes, first with no cache of decoded images, then with one. Then `compbench run`
begins to train on them: printed are the seconds to the first batch, most of which are torch's own
start, and the memory just before it and at most until then: PSS of the whole tree of processes, in
which pages that they share count once, and those of the mapped images that were touched. A minute.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from tests.benchmarks import fresh
from tests.benchmarks.bounds import Bounds
from tests.data import images

COUNT, CLASSES, SIDE = 60_000, 10, 32
DISTINCT = 500  # images that are made, and repeated
FIRST_S, LATER_S, MOST_BYTES = 60, 3, 0.6e9
LATER = 3  # readings with a cache
CIFAR10 = "cifar10/cifar10-images.zip"
MARK = "COMPBENCH_BENCHMARK_MARK"  # where the net says that its training begins
EVERY_S = 0.05
SUITE = """
dataset = { name = "image_folder", path = PATH }
[measure]
launches = 2
seconds_per_arm = 0.01
memory_processes = 1
[variants.teacher]
technique = "train"
model = "marking_net:Net"
epochs = 1
"""
NET = f"""
import os, pathlib, time
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes: int):
        super().__init__()
        self.layer = nn.Linear(3 * {SIDE} * {SIDE}, num_classes)

    def forward(self, pixels):
        mark = pathlib.Path(os.environ["{MARK}"])
        if self.training and torch.is_grad_enabled() and not mark.exists():
            mark.touch()
            time.sleep(60)  # as it is: until it has been looked at, and ended
        return self.layer(pixels.flatten(1))
"""


READ = """
import sys
from pathlib import Path
from compbench.contracts import kinds
from compbench.data import digest, samples, splits

path, data, count = sys.argv[1:]
source, folder = kinds.dataset("image_folder", {"path": path}), Path(data)
samples.fingerprint(source, folder)
read = digest.record("image_folder", splits.load(source, folder))
assert sum(read["samples"].values()) == int(count), read
"""


@dataclass(frozen=True)
class Start:
    """A run up to its first batch."""

    seconds: float
    resident_bytes: int  # of all processes, just before that batch
    peak_bytes: int  # of all processes at once, at most until then
    main_bytes: int  # RSS of the main process, just before that batch

    def __str__(self) -> str:
        sizes = (self.resident_bytes, self.peak_bytes, self.main_bytes)
        now, most, main = (size / 1e9 for size in sizes)
        return (
            f"{self.seconds:.1f} s to the first batch, {now:.3f} GB then, at most {most:.3f} GB "
            f"before; RSS of the main process {main:.3f} GB"
        )


def made_up(path: Path, count: int) -> Path:
    """A zip of JPEGs of noise, by split and class."""
    size = (SIDE, SIDE)
    kinds = [images.png(seed, size, kind="JPEG") for seed in range(min(count, DISTINCT))]
    files = {
        f"{'test' if index % 6 == 0 else 'train'}/{index // 6 % CLASSES}/{index}.jpg": kinds[
            index % len(kinds)
        ]
        for index in range(count)
    }
    return images.zipped(path, files)


def read(path: Path, data: Path, count: int) -> fresh.Cost:
    """Read them in a fresh process, as a run does."""
    return fresh.timed([sys.executable, "-c", READ, str(path.resolve()), str(data), str(count)])


def start(path: Path, folder: Path) -> Start:
    """Run a suite of them until its net says that training begins, and stop it there.

    Raises AssertionError where it ends before.
    """
    suite, mark = folder / "images.toml", folder / "mark"
    suite.write_text(SUITE.replace("PATH", json.dumps(str(path.resolve()))))
    (folder / "marking_net.py").write_text(NET)
    places = ("--results", str(folder / "results"), "--data-dir", str(folder))
    with tempfile.TemporaryFile("w+") as said:
        started = time.perf_counter()
        process = subprocess.Popen(
            fresh.compbench("run", str(suite), *places),
            stdout=said,
            stderr=subprocess.STDOUT,
            env={**os.environ, MARK: str(mark)},
        )
        main, peak = psutil.Process(process.pid), 0
        while not mark.exists():
            if process.poll() is not None:
                said.seek(0)
                raise AssertionError(f"it ended before it trained: {said.read()[-2000:]}")
            peak = max(peak, fresh.resident_bytes(fresh.tree(main)))
            time.sleep(EVERY_S)
        seconds = time.perf_counter() - started
        found, rss = fresh.resident_bytes(fresh.tree(main)), main.memory_info().rss
        process.terminate()
        process.wait()
    return Start(seconds, found, max(peak, found), rss)


def main() -> None:
    """Print what each reading and the start took, and the bounds."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    path = Path(os.environ.get("COMPBENCH_DATA", "data")) / CIFAR10
    bounds = Bounds()
    with tempfile.TemporaryDirectory(prefix="compbench-images-") as scratch:
        folder = Path(scratch)
        if len(sys.argv) > 1 or not path.is_file():
            path = made_up(folder / "noise.zip", count)
        print(f"{path.name}: {count:,} images of {SIDE}×{SIDE}", flush=True)
        first, *later = [read(path, folder, count) for _ in range(1 + LATER)]
        for name, cost in (("first", first), *(("later", one) for one in later)):
            print(f"{name} reading: {cost}")
        bounds.at_most("first reading", first.seconds, FIRST_S, "s")
        middle = median(cost.seconds for cost in later)
        bounds.at_most(f"later reading, the middle of {LATER}", middle, LATER_S, "s")
        began = start(path, folder)
        print(f"run: {began}")
        held = began.resident_bytes / 1e9
        bounds.at_most("memory of the run just before it trains", held, MOST_BYTES / 1e9, "GB")
    bounds.end()


if __name__ == "__main__":
    main()
