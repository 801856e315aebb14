"""scikit-learn's digits as rows of 64 grey levels. The suite beside it finds it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from compbench.contracts import DatasetSource, Samples, Split


class Dataset(DatasetSource):
    """1,797 handwritten digits, features float32 (N, 64) of 0 to 16; its own three splits."""

    libraries: ClassVar[tuple[str, ...]] = ("scikit-learn",)
    classes: ClassVar[int] = 10
    class_names: ClassVar[tuple[str, ...]] = tuple("0123456789")

    def fingerprint(self, data_dir: Path) -> str:
        """scikit-learn brings the samples with it."""
        features, labels = read()
        return hashlib.sha256(features.tobytes() + labels.tobytes()).hexdigest()

    def load(self, data_dir: Path) -> Samples:
        """The classifier was trained on the first 1,077; the others are as good as new to it."""
        features, labels = read()
        splits = [
            Split({"features": features[part]}, labels[part])
            for part in (slice(1077), slice(1077, 1437), slice(1437, None))
        ]
        return Samples(splits[0], splits[2], splits[1], normalise={"features": "channel"})


def read() -> tuple[np.ndarray, np.ndarray]:
    """All samples in an order that mixes the writers."""
    from sklearn import datasets

    found: Any = datasets.load_digits()
    order = np.random.default_rng(0).permutation(len(found.target))
    return found.data[order].astype(np.float32), found.target[order]
