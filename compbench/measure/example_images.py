"""The test images that a report shows, and what each model says of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compbench.data.splits import Data
from compbench.results.row import Row

SHOWN = 6


def dataset_rows(data: Data, logits: NDArray[np.float32] | None) -> list[Row]:
    """What chance scores, the test split's classes, and the example images.

    Shown are those that the baseline doubts most.

    `logits` are the baseline's on the test split (N, K); without them the first images are shown.
    The examples are columns of pixels, each with its image's place in the test split. There are
    none where the task has no classes, nor without images.
    """
    test = data.test
    blind = data.task.blind_scores(test.targets, data.signature.outputs)
    found = [] if blind is None else [Row("", 0, "", "chance_score", samples={"score": blind})]
    if not data.task.has_classes:
        return found
    labels = Row("", 0, "", "labels", samples={"label": test.targets.astype(np.uint16)})
    images = [name for name, one in data.signature.inputs.items() if one.is_image]
    if not images:
        return [*found, labels]
    chosen = np.arange(min(SHOWN, len(test))) if logits is None else doubtful(logits, SHOWN)
    pixels = test.take(chosen)[images[0]]
    places = np.repeat(chosen, pixels[0].size).astype(np.int32)
    shown = {"index": places, "pixel": pixels.ravel()}
    return [*found, labels, Row("", 0, "", "examples", samples=shown)]


def places(rows: list[Row]) -> tuple[int, ...]:
    """Where in the test split the example images are, of such rows."""
    shown = (row.samples["index"] for row in rows if row.metric == "examples")
    return tuple(dict.fromkeys(next(shown, np.arange(0)).tolist()))


def doubtful(logits: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """The `count` samples whose two likeliest classes are closest together, the closest first."""
    first_two = np.sort(logits, axis=1)[:, -2:]
    return np.argsort(first_two[:, 1] - first_two[:, 0], kind="stable")[:count]
