"""One linear layer -> two smaller ones in a row, and what a rank keeps of its energy.

The energy of a weight is the sum of its squares; a rank retains a share of it (0 to 1). A layer's
factors are described before they are made, so that ranks can be chosen for a whole net: a layer is
decomposed once, and what any rank retains is read from its spectrum. See `convolution` for those.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from torch import nn

Array = NDArray[np.float64]


class Factors(ABC):
    """How one layer can be factorised, at ranks from 1 to `full_rank`."""

    full_rank: int

    def __init__(self, layer: Any):  # linear or a convolution
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
        return svd(self.weight.reshape(len(self.weight), -1))

    @cached_property
    def _shares(self) -> Array:
        return leading_shares(self._decomposed[1])

    @property
    def full_rank(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The smaller side of the matrix."""
        return min(self.weight.shape[:2])

    def parameters(self, rank: int) -> int:
        """rank · (in + out), and the biases."""
        return rank * sum(self.weight.shape[:2]) + self.bias_count

    def retained(self, rank: int) -> float:
        """Σ of the first `rank` σ², over that of all."""
        return float(self._shares[rank - 1])

    def _matrices(self, rank: int) -> tuple[Array, Array]:
        """The first factor (rank, in) and the second (out, rank), of equal norms."""
        left, values, right = self._decomposed
        scale = np.sqrt(values[:rank])
        return scale[:, None] * right[:rank], left[:, :rank] * scale

    def make(self, rank: int) -> nn.Sequential:
        """Two linear layers."""
        from torch import nn

        first, second = self._matrices(rank)
        bias, place = self.layer.bias, kind_of(self.layer)
        made = nn.Sequential(
            nn.Linear(self.layer.in_features, rank, bias=False, **place),
            nn.Linear(rank, self.layer.out_features, bias=bias is not None, **place),
        )
        set_weight(made[0], first)
        set_weight(made[1], second, bias)
        return made


def svd(matrix: Array) -> tuple[Array, Array, Array]:
    """Left vectors, singular values from the largest down, right vectors; full matrices cut.

    By the eigenvectors of the smaller Gram matrix, ten times faster than LAPACK's SVD: the first r
    of each are the projection on r orthonormal vectors, exact also where values are tiny.
    """
    if matrix.shape[0] > matrix.shape[1]:
        left, values, right = svd(matrix.T)
        return right.T, values, left.T
    left = leading_vectors(matrix)
    projected = left.T @ matrix
    values = np.linalg.norm(projected, axis=1)
    return left, values, projected / np.where(values > 0, values, 1)[:, None]


def leading_vectors(matrix: Array, count: int | None = None) -> Array:
    """The first `count` left singular vectors of a matrix, or all, as columns."""
    vectors = np.linalg.eigh(matrix @ matrix.T)[1][:, ::-1]
    return np.ascontiguousarray(vectors[:, :count])


def leading_shares(values: Array) -> Array:
    """Σ of the first r squares over that of all, for each r from 1; 1 where all are zero."""
    sums = np.cumsum(np.square(values))
    return sums / sums[-1] if sums[-1] else np.ones_like(sums)


def kind_of(layer: nn.Module) -> dict[str, torch.device | torch.dtype]:
    """The device and dtype of a layer's weight, as the layers made from it get them."""
    weight = layer.get_parameter("weight")
    return {"device": weight.device, "dtype": weight.dtype}


def set_weight(layer: nn.Module, weight: Array, bias: torch.Tensor | None = None) -> None:
    """Copy a weight and a bias into a layer."""
    import torch

    with torch.no_grad():
        layer.get_parameter("weight").copy_(torch.from_numpy(np.ascontiguousarray(weight)))
        if bias is not None:
            layer.get_parameter("bias").copy_(bias)
