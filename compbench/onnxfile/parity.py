"""The check of every hand-over: two ways to compute the same outputs must agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compbench.contracts import TaskBase

MOST_DIFFERENCE = 1e-4  # between torch and ONNX Runtime, float32


@dataclass(frozen=True)
class Parity:
    """How far apart two computations of the same outputs are, on the same samples.

    `max_abs_difference` is of single numbers, `spread` the reference's standard deviation,
    `agreement` the share of answers that are the same (`TaskBase.agreement`).
    """

    max_abs_difference: float
    agreement: float
    spread: float = 1.0

    def complaint(self, target: str, limit: float = MOST_DIFFERENCE) -> str | None:
        """Why a file that differs so much from its torch module is refused; None if it is not.

        The limit is absolute for outputs that spread by 1 or less, else a share of their spread:
        roundings grow with the numbers.
        """
        allowed = limit * max(1.0, self.spread)
        if self.max_abs_difference <= allowed:
            return None
        return (
            f"on {target} the ONNX file's outputs are up to {self.max_abs_difference:.2g} from "
            f"torch's (allowed: {allowed:.2g}; their spread is {self.spread:.2g}); answers agree "
            f"on {self.agreement:.2%}"
        )


def parity(reference: NDArray[np.float32], outputs: NDArray[np.float32], task: TaskBase) -> Parity:
    """Compare two arrays of outputs (N, …). Raises ValueError where their shapes differ."""
    if reference.shape != outputs.shape:
        raise ValueError(f"outputs of {reference.shape} and of {outputs.shape}")
    return Parity(
        float(np.abs(reference - outputs).max()),
        float(task.agreement(reference, outputs).mean()),
        float(reference.std()),
    )
