"""CIFAR-10, through torchvision."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from compbench.contracts import DatasetSource, Samples
from compbench.data import cifar


class Dataset(DatasetSource):
    """60,000 photographs of animals and vehicles in ten classes, 32×32; 10,000 are a test split.

    Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
    """

    libraries: ClassVar[tuple[str, ...]] = ("torchvision",)
    classes: ClassVar[int] = 10
    name: ClassVar[str] = "CIFAR10"
    folder: ClassVar[str] = "cifar-10-batches-py"
    files: ClassVar[tuple[str, ...]] = (
        *(f"data_batch_{index}" for index in range(1, 6)),
        *("test_batch", "batches.meta"),
    )

    def fingerprint(self, data_dir: Path) -> str | None:
        """A digest of the files; None where they are absent."""
        return cifar.fingerprint(data_dir, self.folder, self.files)

    def load(self, data_dir: Path) -> Samples:
        """Images uint8 (50000, 3, 32, 32) and the 10,000 test images, memory-mapped."""
        return cifar.load(data_dir, self.name, self.folder, self.files)
