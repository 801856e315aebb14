"""How samples lie to each other in what the teacher knows of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from compbench.contracts import Net
from compbench.contracts.arguments import embedded
from compbench.toolkit.layer_pairs import Measure, PairLoss, Pairs, embeddings

if TYPE_CHECKING:
    from torch import Tensor


class Loss(PairLoss):
    """Samples are as far from each other, and see each other at the same angles, in both nets.

    Distances are those between two samples of a batch, divided by their mean; angles those at each
    sample between two others, as cosines; the losses are Huber's with δ = 1, means over all pairs
    and triples. Widths of the layers may differ. Without `layers` they are those before the last;
    of images and sequences the mean over places is taken. Source: Park et al., "Relational
    Knowledge Distillation", arXiv:1904.05068, section 3.2: weights 25 and 50. Angles take memory
    and time by the third power of the batch.
    """

    distances: float = Field(default=25.0, ge=0, description="weight of the distances")
    angles: float = Field(default=50.0, ge=0, description="weight of the angles")

    def found(self, teacher: Net, student: Net) -> Pairs:
        """The layers before the last ones."""
        return embeddings(teacher, student)

    def measure(self, teacher: Tensor, student: Tensor) -> Measure:
        """Any two layers can be compared."""
        return self._compare

    def _compare(self, wanted: Tensor, given: Tensor) -> Tensor:
        from torch.nn.functional import smooth_l1_loss

        wanted, given = embedded(wanted), embedded(given)
        loss = given.new_zeros(())
        if self.distances:
            loss = loss + self.distances * smooth_l1_loss(_distances(given), _distances(wanted))
        if self.angles:
            loss = loss + self.angles * smooth_l1_loss(_angles(given), _angles(wanted))
        return loss


def _distances(points: Tensor) -> Tensor:
    """Points (B, W) -> their distances (B, B), of which those between two have the mean 1."""
    found = _norm(points[:, None] - points)
    mean = found.sum() / max(1, len(points) * (len(points) - 1))
    return found / mean.clamp_min(1e-12)


def _angles(points: Tensor) -> Tensor:
    """Points (B, W) -> at each the cosines between the ways to two others (B, B, B)."""
    ways = points - points[:, None]
    ways = ways / _norm(ways).unsqueeze(2).clamp_min(1e-12)
    return ways @ ways.transpose(1, 2)


def _norm(ways: Tensor) -> Tensor:
    """Lengths over the last axis; a way of none has the gradient 0, where a norm's is no number."""
    squares = ways.pow(2).sum(-1)
    is_none = squares == 0
    return squares.masked_fill(is_none, 1).sqrt().masked_fill(is_none, 0)
