"""Images that were turned."""

from __future__ import annotations

from math import degrees
from typing import ClassVar

import numpy as np

from compbench.contracts import ImageShift, Input
from compbench.contracts.shift import Images

_LEVELS = (0, 0.2, 0.4, 0.6, 0.8, 1.0)  # radians, at severities 0 to 5


class Shift(ImageShift):
    """Turned about the middle by 0.2, 0.4, 0.6, 0.8, 1 radians (11° to 57°), to either side.

    The angles are MNIST-C's `rotate` (Mu & Gilmer 2019, arXiv:1906.02337); CIFAR-10-C has no such
    corruption. The side is each image's own, by chance, and what comes in at the corners goes on
    as the edge is, so that no image gets black ones that had none.
    """

    libraries: ClassVar[tuple[str, ...]] = ("scipy",)

    def images(
        self, images: Images, known: Input, severity: int, random: np.random.Generator
    ) -> Images:
        """Bilinear, as MNIST-C."""
        from scipy.ndimage import rotate

        is_left = random.random(len(images)) < 0.5
        angle = degrees(_LEVELS[severity])
        found = np.empty_like(images)
        for side, which in ((angle, is_left), (-angle, ~is_left)):
            found[which] = rotate(
                images[which], side, axes=(3, 2), reshape=False, order=1, mode="nearest"
            )
        return found
