"""The next token of a text is to be told: language modelling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from compbench.contracts import TaskBase
from compbench.headline import Headline
from compbench.toolkit.divergence import softened_divergence

if TYPE_CHECKING:
    from torch import Tensor

IGNORED = -100  # a target that counts for nothing: padding


class Task(TaskBase):
    """Targets are tokens int64 (N, L), each the one after its place; outputs logits (N, L, V)."""

    output: ClassVar[str] = "logits"
    has_distribution: ClassVar[bool] = True
    has_next_tokens: ClassVar[bool] = True

    @property
    def headline(self) -> Headline:
        """The mean over samples of what a token costs, given those before it."""
        return Headline(
            name="bits_per_token",
            label="bits per token",
            unit="bits",
            better="lower",
            has_binary_scores=False,
        )

    def wrong_targets(self, targets: NDArray[Any], outputs: int) -> str | None:
        """Integers (N, L), 0 to V - 1, or -100 where nothing is to be told."""
        if targets.ndim != 2 or not np.issubdtype(targets.dtype, np.integer):
            return f"targets {targets.dtype} {targets.shape} should be int64 (N, L)"
        counted = targets != IGNORED
        if (targets[counted] < 0).any() or (targets[counted] >= outputs).any():
            return f"targets are not all in 0 to {outputs - 1}"
        if not counted.any(1).all():
            return f"sample {int(np.flatnonzero(~counted.any(1))[0])} has no token to tell"
        return None

    def output_shape(self, targets: NDArray[Any], outputs: int) -> tuple[int, ...]:
        """(N, L, V)."""
        return *targets.shape, outputs

    def scores(self, outputs: NDArray[np.float32], targets: NDArray[Any]) -> NDArray[np.float64]:
        """-log₂ of the probability of each wanted token, mean over a sample's tokens; (N,)."""
        found = [_bits(*each) for each in zip(outputs, targets, strict=True)]  # each as float64
        return np.array(found, np.float64)

    def blind_scores(self, targets: NDArray[Any], outputs: int) -> NDArray[np.float64]:
        """Of all tokens being as likely."""
        return np.full(len(targets), np.log2(outputs))

    def agreement(
        self, reference: NDArray[np.float32], outputs: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """The share of places at which both have the same likeliest token; (N,)."""
        return (reference.argmax(-1) == outputs.argmax(-1)).mean(1)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy in nats: each sample's mean over its tokens to tell, and their mean."""
        from torch.nn.functional import cross_entropy

        flat = outputs.flatten(0, 1), targets.flatten()
        nats = cross_entropy(*flat, ignore_index=IGNORED, reduction="none").view_as(targets)
        return (nats.sum(1) / (targets != IGNORED).sum(1)).mean()

    def imitation(self, teacher: Tensor, outputs: Tensor, temperature: float) -> Tensor:
        """T² · KL of the softened distributions, mean over tokens."""
        return softened_divergence(teacher, outputs, temperature)


def _bits(outputs: NDArray[np.float32], targets: NDArray[Any]) -> float:
    """-log₂ of the probability of each wanted token (L, V), mean over a sample's tokens (L,)."""
    counted = targets != IGNORED
    logits = outputs[counted].astype(np.float64)
    top = logits.max(-1)
    wanted = logits[np.arange(len(logits)), targets[counted]]
    nats = np.log(np.exp(logits - top[:, None]).sum(-1)) + top - wanted
    return float(nats.mean() / np.log(2))
