"""A dataset's samples -> train, validation and test splits, normalised, in memory once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compbench.contracts import DatasetSource, Samples, Split, TrainingData
from compbench.errors import UserError

VALIDATION_SHARE = 0.1  # of the samples that are not test samples
SMALL_VALIDATION_SHARE = 0.2  # where a source has fewer than 10,000 samples
TEST_SHARE = 0.2  # where the source has no test split of its own
SPLIT_SEED = 0  # the splits are the same for every suite seed


@dataclass(frozen=True)
class Data:
    """A loaded dataset: what techniques may see, the test split, and how pixels were normalised."""

    training: TrainingData
    test: Split
    mean: float
    std: float


def load(source: DatasetSource, data_dir: Path) -> Data:
    """Stratified splits of a source; pixels / 255, then standardised by the training split."""
    samples = _with_test_split(source.load(data_dir))
    assert samples.test_images is not None and samples.test_labels is not None
    _check(samples, source.classes)
    share = VALIDATION_SHARE if len(samples.labels) >= 10_000 else SMALL_VALIDATION_SHARE
    train, validation = _stratified(samples.labels, share)
    pixels = samples.images[train].astype(np.float32) / 255
    mean, std = float(pixels.mean()), float(pixels.std())

    def split(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> Split:
        normalised = (images.astype(np.float32) / 255 - mean) / std
        return Split(np.ascontiguousarray(normalised, np.float32), labels)

    training = TrainingData(
        split(samples.images[train], samples.labels[train]),
        split(samples.images[validation], samples.labels[validation]),
        source.classes,
    )
    return Data(training, split(samples.test_images, samples.test_labels), mean, std)


def _with_test_split(samples: Samples) -> Samples:
    if samples.test_images is not None:
        return samples
    rest, test = _stratified(samples.labels, TEST_SHARE)
    images, labels = samples.images, samples.labels
    return Samples(images[rest], labels[rest], images[test], labels[test])


def _stratified(labels: NDArray[np.int64], share: float) -> tuple[NDArray, NDArray]:
    """Indices of the rest and of a share of the samples, every class represented alike."""
    from sklearn.model_selection import train_test_split

    indices = np.arange(len(labels))
    rest, part = train_test_split(
        indices, test_size=share, stratify=labels, random_state=SPLIT_SEED
    )
    return np.asarray(rest), np.asarray(part)


def _check(samples: Samples, classes: int) -> None:
    assert samples.test_images is not None and samples.test_labels is not None
    for images, labels in (
        (samples.images, samples.labels),
        (samples.test_images, samples.test_labels),
    ):
        if len(images) != len(labels):
            raise UserError(f"the dataset has {len(images)} images but {len(labels)} labels")
        if len(labels) == 0 or labels.min() < 0 or labels.max() >= classes:
            raise UserError(f"the dataset's labels are not all in 0 to {classes - 1}")
