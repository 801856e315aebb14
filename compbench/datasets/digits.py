"""scikit-learn's bundled handwritten digits: real data that needs no download."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import numpy as np

from compbench.contracts import DatasetSource, Samples

_FILE = Path("datasets", "data", "digits.csv.gz")  # in scikit-learn's package


class Dataset(DatasetSource):
    """1,797 real handwritten digits, 8×8 with 17 grey levels, upsampled bilinearly to 28×28.

    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
    Learning Repository, 1998 (its test part, as scikit-learn bundles it).
    """

    libraries: ClassVar[tuple[str, ...]] = ("scikit-learn", "scipy")
    classes: ClassVar[int] = 10
    class_names: ClassVar[tuple[str, ...]] = tuple("0123456789")

    def fingerprint(self, data_dir: Path) -> str:
        """A digest of the 8×8 images and their labels."""
        images, labels = _bundled()
        return hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()

    def load(self, data_dir: Path) -> Samples:
        """Images uint8 (1797, 1, 28, 28), labels int64 (1797,); no test split of its own."""
        from scipy.ndimage import zoom

        images, labels = _bundled()
        larger = np.asarray(zoom(images.astype(np.float32), (1, 3.5, 3.5), order=1))
        pixels = np.rint(larger * (255 / 16)).clip(0, 255).astype(np.uint8)
        return Samples.of_images(pixels[:, None], labels)


def _bundled() -> tuple[np.ndarray, np.ndarray]:
    """As `sklearn.datasets.load_digits` gives them, read from its file: importing it takes 2 s."""
    table = _table()
    return table[:, :-1].reshape(-1, 8, 8), table[:, -1].astype(np.int64)


@cache
def _table() -> np.ndarray:
    """A line an image: 64 grey levels and the label, uint8."""
    package = find_spec("sklearn")
    path = Path(package.origin or "").parent / _FILE if package else None
    if path and path.is_file():
        with gzip.open(path, "rt") as lines:
            return np.array([line.split(",") for line in lines], float).astype(np.uint8)
    from sklearn.datasets import load_digits  # a version that keeps it elsewhere

    images, labels = (np.asarray(array) for array in load_digits(return_X_y=True))
    return np.column_stack([images, labels]).astype(np.uint8)
