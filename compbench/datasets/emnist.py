"""EMNIST, through torchvision."""

from __future__ import annotations

import string
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from compbench.contracts import DatasetSource, Samples
from compbench.data import idx

_NAME = "EMNIST"
_CASELESS = "cijklmopsuvwxyz"  # letters whose small and capital forms are one class when merged
_ALL = string.digits + string.ascii_uppercase + string.ascii_lowercase
_MERGED = "".join(letter for letter in _ALL if letter not in _CASELESS)
_CLASSES = {
    "balanced": _MERGED,
    "bymerge": _MERGED,
    "byclass": _ALL,
    "letters": string.ascii_lowercase,
    "digits": string.digits,
    "mnist": string.digits,
}


class Dataset(DatasetSource):
    """Handwritten letters and digits, 28×28, upright: 131,600 in 47 classes of equal size.

    Source: G. Cohen, S. Afshar, J. Tapson, A. van Schaik, "EMNIST: an extension of MNIST to
    handwritten letters", arXiv:1702.05373, 2017.
    """

    libraries: ClassVar[tuple[str, ...]] = ("torchvision",)

    split: Literal["balanced", "byclass", "bymerge", "letters", "digits", "mnist"] = Field(
        default="balanced",
        description="which of its authors' six selections of samples and classes",
    )

    def fingerprint(self, data_dir: Path) -> str | None:
        """A digest of the four files, whose headers are checked; None where they are absent."""
        return idx.fingerprint(data_dir, _NAME, self._files)

    def load(self, data_dir: Path) -> Samples:
        """Images uint8 (N, 1, 28, 28), memory-mapped, and labels from 0."""
        idx.fetch(data_dir, _NAME, self._files, split=self.split, train=True)
        images, labels, test_images, test_labels = (
            idx.mapped(data_dir, _NAME, file) for file in self._files
        )
        first = self.split == "letters"  # whose labels begin at 1
        return Samples.of_images(
            _upright(images),
            np.asarray(labels, np.int64) - first,
            _upright(test_images),
            np.asarray(test_labels, np.int64) - first,
            class_names=tuple(_CLASSES[self.split]),
        )

    @property
    def _files(self) -> tuple[str, ...]:
        return tuple(
            f"emnist-{self.split}-{part}-{kind}-ubyte"
            for part in ("train", "test")
            for kind in ("images-idx3", "labels-idx1")
        )


def _upright(images: np.ndarray) -> np.ndarray:
    """Rows and columns change places in its files, as in those of its source."""
    return images[:, None].transpose(0, 1, 3, 2)
