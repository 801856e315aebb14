"""What a training costs by its loss: without a teacher, by each of `losses/`, and by several.

`python -m tests.benchmarks.distilling [TURNS]`: in one process, on one thread, all arms take turns
at two epochs of the same random images: the default `cnn` teaches one of half its channels. Times
are of the process's CPU. Printed is each arm's as a multiple of the student's without a teacher,
and of `soft`'s where the teacher is asked for each batch; `soft (kept)` learns from unmoved images,
of which the teacher's outputs are asked once. `contrastive` may cost twice what `soft` does. Losses
that these nets can't be compared by are named. Five minutes.
"""

from __future__ import annotations

import sys
from statistics import median
from time import process_time

import numpy as np
import torch

from compbench.contracts import LossBase, Split, TrainingData, kinds
from compbench.contracts.inputs import PIXELS
from compbench.errors import JobFailed
from compbench.models import cnn
from compbench.registry import registry
from compbench.tasks import classification
from compbench.techniques import distill, train
from compbench.training.loop import Fit
from tests.benchmarks.bounds import Bounds
from tests.nets import image_signature

IMAGES, CLASSES, EPOCHS = 2560, 10, 2
OF_CONTRASTIVE = 2.0  # times `soft`
STUDENT = {"name": "cnn", "channels": [16, 32], "hidden": 64}
SIGNATURE = image_signature(1, 28, 28, classes=CLASSES)
PLAIN, KEPT = "without a teacher", "soft (kept)"


def data() -> TrainingData:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (IMAGES, 1, 28, 28), dtype=np.uint8)
    split = Split({PIXELS: images}, random.integers(CLASSES, size=IMAGES))
    return TrainingData(split, split.part(np.arange(256)), classification.Task(), SIGNATURE)


def arms() -> dict[str, train.Technique | distill.Technique]:
    options = {"model": STUDENT, "epochs": EPOCHS}
    moved = {**options, "shift_pixels": 1}
    found: dict[str, train.Technique | distill.Technique] = {
        PLAIN: train.Technique(**moved),
        KEPT: distill.Technique(**options),
    }
    for name in registry.names("loss"):
        loss = kinds.find("loss", name)()
        assert isinstance(loss, LossBase)
        found[name] = distill.Technique(**moved, losses=(loss,))
    return found


def main() -> None:
    """Print a line for each arm, and the bound."""
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    torch.set_num_threads(1)
    given, bounds = data(), Bounds()
    torch.manual_seed(0)
    teacher = cnn.Model().build(SIGNATURE).eval()
    seconds: dict[str, list[float]] = {name: [] for name in arms()}
    for _ in range(turns):
        for name, technique in arms().items():
            if name not in seconds:
                continue
            torch.manual_seed(0)
            parents = [] if name == PLAIN else [teacher]
            started = process_time()
            try:
                technique.build(parents, given, Fit(given, 0, lambda epoch, total: None))
            except JobFailed as error:
                print(f"{name}: {error}")
                del seconds[name]
                continue
            seconds[name].append(process_time() - started)
    soft = seconds["soft"]
    for name, taken in seconds.items():
        of_plain, of_soft = (
            median(one / other for one, other in zip(taken, beside, strict=True))
            for beside in (seconds[PLAIN], soft)
        )
        print(f"{name}: {of_plain:.2f} of {PLAIN}, {of_soft:.2f} of soft", flush=True)
        if name == "contrastive":
            bounds.at_most(f"{name}, times soft", of_soft, OF_CONTRASTIVE)
    bounds.end()


if __name__ == "__main__":
    main()
