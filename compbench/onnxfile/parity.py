"""The check of every hand-over: two ways to compute the same logits must agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_LOGIT_DIFFERENCE = 1e-4  # between torch and ONNX Runtime, float32


@dataclass(frozen=True)
class Parity:
    """How far apart two computations of the same logits are, on the same images.

    `max_abs_difference` is of the logits, `agreement` the share of images with the same class.
    """

    max_abs_difference: float
    agreement: float

    def complaint(self, target: str, limit: float = MOST_LOGIT_DIFFERENCE) -> str | None:
        """Why a file that differs so much from its torch module is refused; None if it is not."""
        if self.max_abs_difference <= limit:
            return None
        return (
            f"on {target} the ONNX file's logits are up to {self.max_abs_difference:.2g} from "
            f"torch's (allowed: {limit:g}); classes agree on {self.agreement:.2%}"
        )


def parity(reference: NDArray[np.float32], logits: NDArray[np.float32]) -> Parity:
    """Compare two arrays of logits (N, K)."""
    return Parity(
        float(np.abs(reference - logits).max()),
        float((reference.argmax(1) == logits.argmax(1)).mean()),
    )
