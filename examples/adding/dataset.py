"""Pictures with a bright stripe: across or upright."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from compbench.contracts import DatasetSource, Samples


class Dataset(DatasetSource):
    """Made up when it is loaded, so there is nothing to download."""

    classes: ClassVar[int] = 2

    samples: int = Field(default=1000, ge=100, description="how many pictures are made up")

    def fingerprint(self, data_dir: Path) -> str:
        """What is made up is told by this file and its options."""
        return "stripes"

    def load(self, data_dir: Path) -> Samples:
        """Noise, and a stripe in the middle."""
        random = np.random.default_rng(0)
        images = random.integers(0, 128, (self.samples, 1, 8, 8), np.uint8)
        labels = np.arange(self.samples, dtype=np.int64) % self.classes
        images[labels == 0, :, 4, :] += 127
        images[labels == 1, :, :, 4] += 127
        return Samples.of_images(images, labels)
