"""One class of several is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from compbench.contracts import Means, TaskBase
from compbench.headline import ACCURACY, Headline
from compbench.toolkit.divergence import softened_divergence

if TYPE_CHECKING:
    from torch import Tensor


class Task(TaskBase):
    """Targets are labels int64 (N,), outputs logits (N, classes); the metric is accuracy."""

    output: ClassVar[str] = "logits"
    has_classes: ClassVar[bool] = True
    has_distribution: ClassVar[bool] = True
    means: ClassVar[Means] = "distribution"

    label_smoothing: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="share of each label's weight that all classes get alike in training (Szegedy "
        "et al., arXiv:1512.00567, section 7)",
    )

    @property
    def headline(self) -> Headline:
        """The share of samples whose largest logit is at their label."""
        return ACCURACY

    def wrong_targets(self, targets: NDArray[Any], outputs: int) -> str | None:
        """Labels are integers (N,), 0 to classes - 1."""
        if targets.ndim != 1:
            hint = ": labels[:, 0]" if targets.shape[1:] == (1,) else ""
            return f"labels of shape {targets.shape} should be (N,){hint}"
        if not np.issubdtype(targets.dtype, np.integer):
            return f"labels of {targets.dtype} should be integers, 0 to classes - 1"
        if targets.size and (targets.min() < 0 or targets.max() >= outputs):
            return f"labels are not all in 0 to {outputs - 1}"
        return None

    def output_shape(self, targets: NDArray[Any], outputs: int) -> tuple[int, ...]:
        """(N, classes)."""
        return len(targets), outputs

    def numbers(self, targets: NDArray[Any], outputs: int) -> NDArray[np.float64]:
        """1 for a sample's label, else 0 (N, classes), smoothed as for the loss."""
        smoothing = self.label_smoothing
        return np.eye(outputs)[targets] * (1 - smoothing) + smoothing / outputs

    def scores(self, outputs: NDArray[np.float32], targets: NDArray[Any]) -> NDArray[np.uint8]:
        """1 for each sample whose largest logit is at its label, else 0; (N,)."""
        return (outputs.argmax(1) == targets).astype(np.uint8)

    def blind_scores(self, targets: NDArray[Any], outputs: int) -> NDArray[np.uint8]:
        """Of the commonest class, always."""
        return (targets == np.bincount(targets).argmax()).astype(np.uint8)

    def agreement(
        self, reference: NDArray[np.float32], outputs: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """1 where both have the same class, else 0; (N,)."""
        return (reference.argmax(1) == outputs.argmax(1)).astype(np.float64)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy of logits (B, K) against labels (B,), in nats."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(outputs, targets, label_smoothing=self.label_smoothing)

    def imitation(self, teacher: Tensor, outputs: Tensor, temperature: float) -> Tensor:
        """T² · KL of the softened distributions."""
        return softened_divergence(teacher, outputs, temperature)
