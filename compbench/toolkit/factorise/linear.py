"""One linear layer -> two smaller ones in a row, and what a rank keeps of its energy.

The energy of a weight is the sum of its squares; a rank retains a share of it (0 to 1). A layer's
factors are described before they are made, so that ranks can be chosen for a whole net. See
`factorise_convolution` for convolutions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from torch import nn

Array = NDArray[np.float64]


class Factors(ABC):
    """How one layer can be factorised, at ranks from 1 to `full_rank`."""

    full_rank: int

    def __init__(self, layer: nn.Linear | nn.Conv2d):
        self.layer = layer
        self.weight: Array = layer.weight.detach().double().cpu().numpy()

    @abstractmethod
    def parameters(self, rank: int) -> int:
        """Weights and biases of the factors."""

    @abstractmethod
    def retained(self, rank: int) -> float:
        """The share of the weight's energy that the factors retain: 1 at full rank."""

    @abstractmethod
    def make(self, rank: int) -> nn.Sequential:
        """The factors as layers."""

    @property
    def bias_count(self) -> int:
        """Biases of the layer, which its last factor keeps."""
        return len(self.weight) if self.layer.bias is not None else 0


class Svd(Factors):
    """W (out, in) ≈ U V by truncated SVD: in → rank without bias, then rank → out.

    The truncation is the best approximation of its rank (Eckart & Young 1936).
    """

    layer: nn.Linear

    @cached_property
    def _decomposed(self) -> tuple[Array, Array, Array]:
        return svd(self.weight)

    @property
    def full_rank(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The smaller side of the matrix."""
        return min(self.weight.shape)

    def parameters(self, rank: int) -> int:
        """rank · (in + out), and the biases."""
        return rank * sum(self.weight.shape) + self.bias_count

    def retained(self, rank: int) -> float:
        """Σ of the first `rank` σ², over that of all."""
        return leading_share(self._decomposed[1], rank)

    def make(self, rank: int) -> nn.Sequential:
        """Two linear layers."""
        from torch import nn

        left, values, right = self._decomposed
        scale = np.sqrt(values[:rank])
        first = nn.Linear(self.layer.in_features, rank, bias=False)
        second = nn.Linear(rank, self.layer.out_features, bias=self.layer.bias is not None)
        set_weight(first, scale[:, None] * right[:rank])
        set_weight(second, left[:, :rank] * scale, self.layer.bias)
        return nn.Sequential(first, second)


def svd(matrix: Array) -> tuple[Array, Array, Array]:
    """Left vectors, singular values from the largest down, right vectors; full matrices cut."""
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    return left, values, right


def leading_share(values: Array, rank: int) -> float:
    """Σ of the first `rank` squares over that of all; 1 where all are zero."""
    total = float(np.square(values).sum())
    return float(np.square(values[:rank]).sum()) / total if total else 1.0


def set_weight(
    layer: nn.Linear | nn.Conv2d, weight: Array, bias: torch.Tensor | None = None
) -> None:
    """Copy a weight and a bias into a layer."""
    import torch

    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
        if layer.bias is not None and bias is not None:
            layer.bias.copy_(bias)
