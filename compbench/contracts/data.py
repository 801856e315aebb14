"""What a dataset file gives, and the data a technique may see."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from compbench.contracts.options import Options


class Shape(NamedTuple):
    """The shape of one image: channels, height and width in pixels."""

    channels: int
    height: int
    width: int


@dataclass(frozen=True)
class Split:
    """Samples in memory: images float32 (N, C, H, W), normalised; labels int64 (N,)."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class TrainingData:
    """All the data a technique can see. There is no test split here, so none can leak."""

    train: Split
    validation: Split
    classes: int

    @property
    def shape(self) -> Shape:
        """The shape of one image."""
        return Shape(*self.train.images.shape[1:])


class Samples(NamedTuple):
    """What a dataset file loads: raw pixels uint8 (N, C, H, W), labels (N,) of any integer type.

    Labels are 0 to classes - 1, and become int64. Each class needs samples enough for a part in
    every split that is cut from these. `test_images` and `test_labels` are None where the source
    has no test split of its own; one that it has may lack a class.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    test_images: NDArray[np.uint8] | None = None
    test_labels: NDArray[np.int64] | None = None


class DatasetSource(Options, ABC):
    """Base of the class `Dataset` in every file of `datasets/`.

    A suite file only names a dataset, so each of its options needs a default. Where classes have
    names, `class_names` has them in the order of the labels: files that are made say them.
    """

    libraries: ClassVar[tuple[str, ...]] = ()
    classes: ClassVar[int]
    class_names: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def fingerprint(self, data_dir: Path) -> str | None:
        """A digest of the source's content, without torch or network; None where it is absent."""

    @abstractmethod
    def load(self, data_dir: Path) -> Samples:
        """Read the samples, downloading them where they are absent and can be."""
