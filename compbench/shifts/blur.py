"""Images out of focus."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from compbench.contracts import ImageShift, Input
from compbench.contracts.shift import Images

_LEVELS = (0, 0.4, 0.6, 0.7, 0.8, 1.0)  # standard deviations in pixels, at severities 0 to 5
_SIDE = 32  # pixels of the images that these are for


class Shift(ImageShift):
    """Gaussian blur with a standard deviation of 0.4, 0.6, 0.7, 0.8, 1 pixels by severity.

    That is CIFAR-10-C's `gaussian_blur` (Hendrycks & Dietterich 2019, arXiv:1903.12261), for images
    of 32 × 32 or fewer; for larger ones it grows with their shorter side.
    """

    libraries: ClassVar[tuple[str, ...]] = ("scipy",)

    def images(
        self, images: Images, known: Input, severity: int, random: np.random.Generator
    ) -> Images:
        """Beyond the edges is what lies at them."""
        from scipy.ndimage import gaussian_filter

        sigma = _LEVELS[severity] * max(1.0, min(images.shape[2:]) / _SIDE)
        found = np.empty_like(images)
        gaussian_filter(images, (0, 0, sigma, sigma), output=found, mode="nearest")
        return found
