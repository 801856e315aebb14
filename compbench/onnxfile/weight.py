"""A tensor of weights: as a file holds it, and what its numbers are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Weight:
    """A tensor of weights: as the file holds it, and what its numbers are once unpacked.

    Its count is 0 where it only says how others hang together.
    """

    stored: NDArray[Any]
    count: int
    nonzero: int
    type: str


def plain(stored: NDArray[Any], zero: NDArray[Any] | int = 0) -> Weight:
    """A tensor whose elements are weights; those at the zero point are zero."""
    nonzero = np.count_nonzero(stored != np.asarray(zero, stored.dtype))
    return Weight(stored, stored.size, int(nonzero), stored.dtype.name)
