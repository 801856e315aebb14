"""The check of every hand-over: two ways to compute the same outputs must agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compbench.contracts import TaskBase

MOST_DIFFERENCE = 1e-4  # between a library and ONNX Runtime, float32
_LEAST_SPREAD = 1e-3  # of the outputs' size: with less of it a distance would be that of roundings


@dataclass(frozen=True)
class Parity:
    """How far apart two computations of the same outputs are, on the same samples.

    `max_abs_difference` is of single numbers, `spread` the reference's standard deviation,
    `agreement` the share of answers that are the same (`TaskBase.agreement`).
    """

    max_abs_difference: float
    agreement: float
    spread: float = 1.0

    @property
    def relative_difference(self) -> float:
        """What limits are about: the difference, as a share of the spread where that is over 1.

        Roundings grow with the numbers.
        """
        return self.max_abs_difference / max(1.0, self.spread)

    def complaint(
        self, target: str, limit: float = MOST_DIFFERENCE, library: str = "torch"
    ) -> str | None:
        """Why a file that differs so much from its library's model is refused; None if it is not.

        `library` is what computed the reference.
        """
        if self.relative_difference <= limit:
            return None
        allowed = limit * max(1.0, self.spread)
        return (
            f"on {target} the ONNX file's outputs are up to {self.max_abs_difference:.2g} from "
            f"{library}'s (allowed: {allowed:.2g}; their spread is {self.spread:.2g}); answers "
            f"agree on {self.agreement:.2%}"
        )


def parity(reference: NDArray[np.float32], outputs: NDArray[np.float32], task: TaskBase) -> Parity:
    """Compare two arrays of outputs (N, …). Raises ValueError where their shapes differ."""
    if reference.shape != outputs.shape:
        raise ValueError(f"outputs of {reference.shape} and of {outputs.shape}")
    with np.errstate(invalid="ignore"):
        apart = np.where(reference == outputs, 0, np.abs(reference - outputs))  # both may be -inf
    finite = reference[np.isfinite(reference)]
    return Parity(
        float(apart.max()),
        float(task.agreement(reference, outputs).mean()),
        float(finite.std()) if finite.size else 1.0,
    )


def distance(reference: NDArray[np.float32], outputs: NDArray[np.float32]) -> float:
    """How far outputs (N, …) are from a reference: the root mean square, as a share of its spread.

    The larger of two shares: that of all numbers, and what is left of it where each number's mean
    over the samples is taken off, so that neither what is added to an output nor what is lost
    between samples is small beside the other. 0 is the same; 1 is a file that tells no sample from
    another. A spread below a thousandth of the outputs themselves is taken for that.
    """
    known = reference.astype(np.float64)
    apart = outputs - known
    if not known.any():
        return float("inf") if apart.any() else 0.0
    least = _LEAST_SPREAD * _size(known)
    of_all = _size(apart) / max(_size(known - known.mean()), least)
    of_samples = _size(apart - apart.mean(0)) / max(_size(known - known.mean(0)), least)
    return float(max(of_all, of_samples))


def _size(values: NDArray[np.float64]) -> np.float64:
    return np.sqrt(np.square(values).mean())
