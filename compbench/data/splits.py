"""A dataset's samples -> train, validation and test splits, normalised, in memory once."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compbench.contracts import DatasetSource, Samples, Split, TrainingData
from compbench.data import samples as sources
from compbench.data.stratification import stratified
from compbench.errors import UserError
from compbench.registry import registry

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
    name = registry.name_of(type(source))
    samples = _with_test_split(sources.load(source, data_dir), name)
    assert samples.test_images is not None and samples.test_labels is not None
    share = VALIDATION_SHARE if len(samples.labels) >= 10_000 else SMALL_VALIDATION_SHARE
    train, validation = _stratified(samples.labels, share, name)
    pixels = samples.images[train].astype(np.float32) / 255
    mean, std = float(pixels.mean()), float(pixels.std())
    if std == 0:
        raise UserError(
            f"the dataset '{name}': every pixel of the training images is "
            f"{samples.images[train].flat[0]}: there is nothing to tell them apart by"
        )

    def split(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> Split:
        normalised = (images.astype(np.float32) / 255 - mean) / std
        return Split(np.ascontiguousarray(normalised, np.float32), labels)

    training = TrainingData(
        split(samples.images[train], samples.labels[train]),
        split(samples.images[validation], samples.labels[validation]),
        source.classes,
    )
    return Data(training, split(samples.test_images, samples.test_labels), mean, std)


def _with_test_split(samples: Samples, name: str) -> Samples:
    if samples.test_images is not None:
        return samples
    rest, test = _stratified(samples.labels, TEST_SHARE, name)
    images, labels = samples.images, samples.labels
    return Samples(images[rest], labels[rest], images[test], labels[test])


def _stratified(labels: NDArray[np.int64], share: float, name: str) -> tuple[NDArray, NDArray]:
    """Indices of the rest and of a share of the samples, every class represented alike.

    Raises UserError where a class has too few samples to be in both.
    """
    counts = np.bincount(labels)
    parts = stratified(labels, share, SPLIT_SEED)
    if min(len(np.unique(labels[part])) for part in parts) < np.count_nonzero(counts):
        rarest = min(np.flatnonzero(counts), key=lambda one: counts[one])
        raise UserError(
            f"the dataset '{name}' can't be split with every class in each part: of its "
            f"{len(labels)} samples class {rarest} has {counts[rarest]}; about {ceil(1 / share)} "
            "are needed"
        )
    return parts
