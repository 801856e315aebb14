"""What stands for a whole split where few samples are enough."""

from __future__ import annotations

import numpy as np

from compbench.contracts import Split


def sample(split: Split, count: int) -> Split:
    """So many samples, drawn by chance and always the same, in their order; all where it has fewer.

    That order may be of their classes, so that the first ones are of one class alone.
    """
    if count >= len(split):
        return split
    drawn = np.random.RandomState(0).permutation(len(split))[:count]  # its streams never change
    return split.part(np.sort(drawn))
