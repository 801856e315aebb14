"""Images with less contrast."""

from __future__ import annotations

import numpy as np

from compbench.contracts import ImageShift, Input
from compbench.contracts.shift import Images

_LEVELS = (1, 0.75, 0.5, 0.4, 0.3, 0.15)  # what is left, at severities 0 to 5


class Shift(ImageShift):
    """Each image drawn towards its own mean: 0.75, 0.5, 0.4, 0.3, 0.15 of the distance is left.

    That is CIFAR-10-C's `contrast` (Hendrycks & Dietterich 2019, arXiv:1903.12261), of images of
    any size. The mean is of each channel.
    """

    def images(
        self, images: Images, known: Input, severity: int, random: np.random.Generator
    ) -> Images:
        """(x - mean) · left + mean."""
        mean = images.mean(axis=(2, 3), keepdims=True, dtype=np.float32)
        return images + np.float32(_LEVELS[severity] - 1) * (images - mean)
