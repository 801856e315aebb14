"""The best of several variants by validation, so that others can be made from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from compbench.contracts import ChoosingTechnique

if TYPE_CHECKING:
    from compbench.headline import Headline


class Technique(ChoosingTechnique):
    """Take the parent whose metric on the validation split is best, as a mean over all seeds.

    Of equals it is the first. The test split chooses nothing. What is best of many on validation is
    partly the luckiest there: its own figure on that split is too good, that on the test split is
    not. `select = "validation"` beside a sweep is this technique on the sweep's points.
    """

    parents: ClassVar[tuple[int, int]] = (1, 10_000)

    def choose(self, validation: Sequence[Sequence[float]], headline: Headline) -> int:
        """See the class."""
        means = [headline.gain(float(np.mean(values))) for values in validation]
        return int(np.argmax(means))
