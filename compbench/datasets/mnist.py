"""MNIST, through torchvision."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from compbench.contracts import DatasetSource, Samples
from compbench.data import idx


class Dataset(DatasetSource):
    """70,000 handwritten digits, 28×28, with a test split of 10,000.

    Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", 1998.
    """

    libraries: ClassVar[tuple[str, ...]] = ("torchvision",)
    classes: ClassVar[int] = 10
    class_names: ClassVar[tuple[str, ...]] = tuple("0123456789")
    name: ClassVar[str] = "MNIST"

    def fingerprint(self, data_dir: Path) -> str | None:
        """A digest of the four files, whose headers are checked; None where they are absent."""
        return idx.fingerprint(data_dir, self.name)

    def load(self, data_dir: Path) -> Samples:
        """Images uint8 (60000, 1, 28, 28) and the 10,000 test images, with int64 labels."""
        return idx.load(data_dir, self.name)
