"""Images of which a part is hidden."""

from __future__ import annotations

import numpy as np

from compbench.contracts import ImageShift, Input
from compbench.contracts.shift import Images

_LEVELS = (0, 0.1, 0.2, 0.3, 0.4, 0.5)  # of each side, at severities 0 to 5


class Shift(ImageShift):
    """A patch over 0.1, 0.2, 0.3, 0.4, 0.5 of each side, its middle anywhere in the image.

    The last is what Cutout hides in training of CIFAR-10: 16 × 16 of 32 × 32 pixels, some of them
    beyond the edge, in the mean of the training split's pixels (DeVries & Taylor 2017,
    arXiv:1708.04552). The others are compbench's own: nobody has published a scale of severities.
    """

    def images(
        self, images: Images, known: Input, severity: int, random: np.random.Generator
    ) -> Images:
        """At a higher severity the patch covers that of a lower one."""
        colour = _colour(known)
        height, width = images.shape[2:]
        middles = random.random((len(images), 2)) * (height, width)
        reach = _LEVELS[severity] * np.array([height, width]) / 2
        covers = [
            np.abs(np.arange(side) + 0.5 - middles[:, [axis]]) < reach[axis]
            for axis, side in enumerate((height, width))
        ]
        hidden = covers[0][:, None, :, None] & covers[1][:, None, None, :]
        return np.where(hidden, colour.reshape(1, -1, 1, 1), images)


def _colour(known: Input) -> np.ndarray:
    """The training split's mean by channel, in raw values; 0 where nobody said it."""
    if known.normalisation is None:
        return np.zeros(1, np.float32)
    return np.array(known.normalisation.mean, np.float32) * np.float32(known.normalisation.full)
