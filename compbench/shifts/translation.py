"""Images whose content lies elsewhere."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from compbench.contracts import ImageShift, Input
from compbench.contracts.shift import Images

_LEVELS = (0, 1, 2, 3, 4, 5)  # pixels along both axes, at severities 0 to 5
_SIDE = 28  # pixels of the images that these are for


class Shift(ImageShift):
    """Moved by 1, 2, 3, 4, 5 pixels of 28 along both axes, to one of the four corners.

    That is MNIST-C's `translate` (Mu & Gilmer 2019, arXiv:1906.02337); of images of other sizes it
    is the same share of each side. The corner is each image's own, by chance, and what comes in
    goes on as the edge is.
    """

    libraries: ClassVar[tuple[str, ...]] = ("scipy",)

    def images(
        self, images: Images, known: Input, severity: int, random: np.random.Generator
    ) -> Images:
        """Bilinear between pixels."""
        from scipy.ndimage import shift

        height, width = images.shape[2:]
        down, right = (_LEVELS[severity] * side / _SIDE for side in (height, width))
        is_down, is_right = random.random((2, len(images))) < 0.5
        found = np.empty_like(images)
        for y, vertical in ((down, is_down), (-down, ~is_down)):
            for x, horizontal in ((right, is_right), (-right, ~is_right)):
                which = vertical & horizontal
                for place in np.flatnonzero(which):
                    shift(images[place], (0, y, x), found[place], order=1, mode="nearest")
        return found
