"""Any number of labels is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from compbench.contracts import Means, TaskBase
from compbench.headline import Headline
from compbench.toolkit.divergence import softened_label_divergence

if TYPE_CHECKING:
    from torch import Tensor


class Task(TaskBase):
    """Targets are 0 or 1 for each label (N, K), outputs logits (N, K); positive means yes."""

    output: ClassVar[str] = "logits"
    means: ClassVar[Means] = "labels"

    metric: Literal["average_precision", "exact_match"] = Field(
        default="average_precision",
        description="mean over samples of the average precision of their labels, ranked by logit "
        "(label ranking average precision; Schapire & Singer 2000), or the share of samples with "
        "every label right",
    )

    @property
    def headline(self) -> Headline:
        """As the option says."""
        if self.metric == "exact_match":
            return Headline(name="exact_match", label="exact match")
        return Headline(
            name="average_precision",
            label="label ranking average precision",
            has_binary_scores=False,
        )

    def wrong_targets(self, targets: NDArray[Any], outputs: int) -> str | None:
        """Zeros and ones (N, K)."""
        if targets.ndim != 2 or targets.shape[1] != outputs:
            return f"targets of shape {targets.shape} should be (N, {outputs}): a column a label"
        if not np.isin(targets, (0, 1)).all():
            return "targets should be 0 or 1 for each label"
        return None

    def output_shape(self, targets: NDArray[Any], outputs: int) -> tuple[int, ...]:
        """(N, K)."""
        return len(targets), outputs

    def scores(self, outputs: NDArray[np.float32], targets: NDArray[Any]) -> NDArray[Any]:
        """The metric of each sample alone (N,)."""
        if self.metric == "exact_match":
            return ((outputs > 0) == (targets > 0)).all(1).astype(np.uint8)
        return average_precision(outputs, targets)

    def blind_scores(self, targets: NDArray[Any], outputs: int) -> NDArray[Any]:
        """Of the labels' shares, always."""
        shares = np.broadcast_to(targets.mean(0) - 0.5, targets.shape)
        return self.scores(shares.astype(np.float32), targets)

    def agreement(
        self, reference: NDArray[np.float32], outputs: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """The share of labels that both say yes or no to; (N,)."""
        return ((reference > 0) == (outputs > 0)).mean(1)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Binary cross-entropy, mean over samples and labels, in nats."""
        from torch.nn.functional import binary_cross_entropy_with_logits

        return binary_cross_entropy_with_logits(outputs, targets.to(outputs.dtype))

    def imitation(self, teacher: Tensor, outputs: Tensor, temperature: float) -> Tensor:
        """T² · KL of each label's softened distribution."""
        return softened_label_divergence(teacher, outputs, temperature)


_TOGETHER = 256  # samples: memory goes by the square of the labels


def average_precision(outputs: NDArray[np.float32], targets: NDArray[Any]) -> NDArray[np.float64]:
    """For each sample the mean over its labels of the precision down to that label's rank (N,).

    As `sklearn.metrics.label_ranking_average_precision_score` counts: equal logits share the worse
    rank; 1 for a sample that has all labels, or none.
    """
    if len(outputs) > _TOGETHER:
        starts = range(0, len(outputs), _TOGETHER)
        parts = (slice(start, start + _TOGETHER) for start in starts)
        return np.concatenate([average_precision(outputs[p], targets[p]) for p in parts])
    wanted = targets > 0
    at_least = outputs[:, None, :] >= outputs[:, :, None]  # (N, label, others ranked as high)
    ranks = at_least.sum(2)
    hits = (at_least & wanted[:, None, :]).sum(2)
    counts = wanted.sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where(wanted, hits / ranks, 0.0).sum(1) / counts
    return np.where((counts == 0) | (counts == targets.shape[1]), 1.0, found)
