"""Rows that pictures of classes and soft labels need: 100 test images of ten classes in turn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compbench.results.row import Row
from tests.factory import SAMPLES, TARGET, make_row

CLASSES = 10
EXAMPLES = (17, 3)  # test images; the pixels of the first are 0 to 63, of the second 64 to 127


def dataset_rows() -> list[Row]:
    """The classes, and two example images of 8 by 8 pixels."""
    labels = (np.arange(SAMPLES) % CLASSES).astype(np.uint16)
    shown = {"index": np.repeat(EXAMPLES, 64).astype(np.int32), "pixel": np.arange(128, dtype="u1")}
    return [
        make_row("", "labels", samples={"label": labels}),
        make_row("", "examples", samples=shown),
    ]


def errors_row(variant: str, errors: Sequence[tuple[int, int]], seed: int = 0) -> Row:
    """`errors` are pairs of a test image's place and the class it was taken for."""
    index, predicted = zip(*errors, strict=True) if errors else ((), ())
    samples = {"index": np.array(index, np.int32), "predicted": np.array(predicted, np.uint16)}
    return make_row(variant, "errors", target=TARGET, seed=seed, samples=samples)


def soft_row(variant: str, seed: int = 0) -> Row:
    """Logits 0 to 9 for the first example, 10 to 19 for the second."""
    logits = np.arange(len(EXAMPLES) * CLASSES, dtype=np.float32)
    return make_row(variant, "soft_labels", target=TARGET, seed=seed, samples={"logit": logits})
