"""Numbers are to be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from compbench.contracts import Means, TaskBase
from compbench.headline import Headline

if TYPE_CHECKING:
    from torch import Tensor

CLOSE = 0.01  # of the outputs' spread: answers so close to each other agree


class Task(TaskBase):
    """Targets are numbers (N,) or (N, D), outputs (N, D); the metric is RMSE, beside it R²."""

    has_temperature: ClassVar[bool] = False
    means: ClassVar[Means] = "values"

    @property
    def headline(self) -> Headline:
        """The root of the mean over samples of their squared error, itself a mean over values."""
        return Headline(
            name="rmse",
            label="RMSE",
            unit="",
            better="lower",
            has_binary_scores=False,
            link="root",
        )

    def wrong_targets(self, targets: NDArray[Any], outputs: int) -> str | None:
        """Finite numbers, as many a sample as there are outputs."""
        if targets.ndim not in (1, 2) or (targets.shape[1:] or (1,)) != (outputs,):
            return f"targets of shape {targets.shape} should be (N, {outputs})"
        if not np.issubdtype(targets.dtype, np.floating):
            return f"targets of {targets.dtype} should be float32"
        if not np.isfinite(targets).all():
            return f"target {_first(~np.isfinite(targets))} is not a number"
        return None

    def output_shape(self, targets: NDArray[Any], outputs: int) -> tuple[int, ...]:
        """(N, D)."""
        return len(targets), outputs

    def scores(self, outputs: NDArray[np.float32], targets: NDArray[Any]) -> NDArray[np.float64]:
        """The squared error, mean over a sample's values; (N,)."""
        error = outputs.astype(np.float64) - targets.reshape(outputs.shape)
        return np.square(error).mean(1)

    def blind_scores(self, targets: NDArray[Any], outputs: int) -> NDArray[np.float64]:
        """Of the mean, always."""
        wanted = targets.reshape(len(targets), outputs)
        return self.scores(np.broadcast_to(wanted.mean(0), wanted.shape), wanted)

    def agreement(
        self, reference: NDArray[np.float32], outputs: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """The share of values that are within 1 % of the reference's spread; (N,)."""
        return (np.abs(reference - outputs) <= CLOSE * reference.std(0)).mean(1)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The squared error, mean over samples and values."""
        return (outputs - targets.reshape(outputs.shape)).square().mean()

    def imitation(self, teacher: Tensor, outputs: Tensor, temperature: float) -> Tensor:
        """The squared error against the teacher's outputs; numbers have no temperature."""
        return (outputs - teacher).square().mean()

    def further_scores(
        self, outputs: NDArray[np.float32], targets: NDArray[Any]
    ) -> Mapping[str, float]:
        """R²: 1 - Σ errors² / Σ (targets - their mean)², mean over values."""
        wanted = targets.reshape(outputs.shape).astype(np.float64)
        left = np.square(outputs - wanted).sum(0)
        spread = np.square(wanted - wanted.mean(0)).sum(0)
        return {"r_squared": float((1 - left / spread).mean())} if spread.all() else {}


def _first(wrong: NDArray[np.bool_]) -> int:
    return int(np.flatnonzero(wrong.reshape(len(wrong), -1).any(1))[0])
