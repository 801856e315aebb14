"""One convolution -> one to five smaller ones in a row, and what a rank keeps of its energy.

Of one, two or three axes; k stands for all sizes of a kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import ceil, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from compbench.toolkit.factorise.linear import (
    Array,
    Factors,
    Svd,
    kind_of,
    leading_shares,
    leading_vectors,
    set_weight,
    svd,
)

if TYPE_CHECKING:
    from torch import nn

_ROUNDS = 20  # at most, of alternating least squares; random weights settle in a handful
_GAIN = 1e-4  # the last round raises the retained share of the energy by less


def factor(
    layer: Any, weight: Array, axes: Sequence[int] = (), groups: int = 1, is_last: bool = False
) -> nn.Module:
    """A convolution with this weight (out, in, k), and the layer's stride and so on along `axes`.

    Axes are counted from 0, the first of the kernel. The last factor has the layer's bias.
    """

    def along(setting: tuple[int, ...], default: int) -> tuple[int, ...]:
        return tuple(value if i in axes else default for i, value in enumerate(setting))

    bias, padding = layer.bias if is_last else None, layer.padding
    made = type(layer)(
        weight.shape[1] * groups,
        weight.shape[0],
        weight.shape[2:],
        stride=along(layer.stride, 1),
        padding=padding if isinstance(padding, str) else along(padding, 0),
        dilation=along(layer.dilation, 1),
        groups=groups,
        bias=bias is not None,
        padding_mode=layer.padding_mode,
        **kind_of(layer),
    )
    set_weight(made, weight, bias)
    return made


class _Convolution(Factors):
    layer: Any

    @property
    def _axes(self) -> tuple[int, ...]:
        return tuple(range(self.weight.ndim - 2))

    def _pointwise(self, matrix: Array, is_last: bool = False) -> nn.Module:
        """A convolution of kernel size 1 with this weight (out, in)."""
        return factor(
            self.layer, matrix.reshape(*matrix.shape, *[1] * len(self._axes)), is_last=is_last
        )


class Pointwise(Svd):
    """W (out, in, 1…) by truncated SVD: two convolutions of kernel size 1, the first strided."""

    layer: Any

    def make(self, rank: int) -> nn.Sequential:
        """Two convolutions."""
        from torch import nn

        axes = tuple(range(self.weight.ndim - 2))
        first, second = (m.reshape(*m.shape, *[1] * len(axes)) for m in self._matrices(rank))
        return nn.Sequential(
            factor(self.layer, first, axes), factor(self.layer, second, is_last=True)
        )


class Tucker(_Convolution):
    """W (out, in, k) by Tucker-2: a pointwise convolution, one of k between ranks, a pointwise one.

    Rank r of a layer whose larger side has R channels means ⌈r/R · in⌉ and ⌈r/R · out⌉. An axis
    whose rank is full, such as the one input channel of grey images, gets no pointwise convolution:
    it would only cost time. Source: Kim et al., arXiv:1511.06530, section 3.1.
    """

    @property
    def full_rank(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The larger of the two channel counts."""
        return max(self.weight.shape[:2])

    def _ranks(self, rank: int) -> tuple[int, int]:
        outputs, inputs = (ceil(rank * n / self.full_rank) for n in self.weight.shape[:2])
        return outputs, inputs

    def parameters(self, rank: int) -> int:
        """in · r₁ + r₁ · r₂ · k + r₂ · out, without what a full rank saves; and the biases."""
        (outputs, inputs, *kernel), (most, least) = self.weight.shape, self._ranks(rank)
        count = most * least * prod(kernel) + self.bias_count
        return count + outputs * most * (most < outputs) + inputs * least * (least < inputs)

    @cached_property
    def _bases(self) -> tuple[Array, Array]:
        """Of the outputs and of the inputs: singular vectors, the leading ones first (HOSVD)."""
        outputs, inputs = (leading_vectors(_unfolded(self.weight, axis)) for axis in (0, 1))
        return outputs, inputs

    @cached_property
    def _shares(self) -> Array:
        """[r - 1, s - 1]: the share of the energy in the core's first r outputs and s inputs."""
        core = _projected(_projected(self.weight, self._bases[0], 0), self._bases[1], 1)
        energy = np.square(core).reshape(*core.shape[:2], -1).sum(2)
        sums = energy.cumsum(0).cumsum(1)
        return np.minimum(sums / sums[-1, -1], 1) if sums[-1, -1] else np.ones_like(sums)

    def retained(self, rank: int) -> float:
        """‖core‖² / ‖W‖² of the projection on the leading bases of both axes."""
        most, least = self._ranks(rank)
        return float(self._shares[most - 1, least - 1])

    def _refined(self, ranks: Sequence[int], axes: Sequence[int]) -> tuple[Array, dict[int, Array]]:
        """The core, and the bases of the axes, by alternating least squares (HOOI).

        Source: De Lathauwer et al. 2000, "On the best rank-1 and rank-(R1, …, RN) approximation".
        """
        bases = {axis: self._bases[axis][:, : ranks[axis]] for axis in axes}
        core = self.weight
        for axis in axes:
            core = _projected(core, bases[axis], axis)
        if len(axes) == 1:
            return core, bases
        total, before = float(np.square(self.weight).sum()), float(np.square(core).sum())
        for _ in range(_ROUNDS):
            for axis in axes:
                other = _projected(self.weight, bases[1 - axis], 1 - axis)
                bases[axis] = leading_vectors(_unfolded(other, axis), ranks[axis])
                core = _projected(other, bases[axis], axis)
            now = float(np.square(core).sum())
            if now - before <= _GAIN * total:
                break
            before = now
        return core, bases

    def make(self, rank: int) -> nn.Sequential:
        """One to three convolutions; the projection is refined by alternating least squares."""
        from torch import nn

        ranks = self._ranks(rank)
        axes = [axis for axis in (0, 1) if ranks[axis] < self.weight.shape[axis]]
        if not axes:
            return nn.Sequential(factor(self.layer, self.weight, self._axes, is_last=True))
        core, bases = self._refined(ranks, axes)
        layers = [self._pointwise(bases[1].T)] if 1 in bases else []
        layers.append(factor(self.layer, core, self._axes, is_last=0 not in bases))
        if 0 in bases:
            layers.append(self._pointwise(bases[0], is_last=True))
        return nn.Sequential(*layers)


def _unfolded(tensor: Array, axis: int) -> Array:
    """A matrix whose rows are the slices along an axis."""
    return np.moveaxis(tensor, axis, 0).reshape(tensor.shape[axis], -1)


def _projected(tensor: Array, basis: Array, axis: int) -> Array:
    """The tensor with this axis, of n, replaced by its parts along a basis (n, r)."""
    return np.moveaxis(np.tensordot(tensor, basis, (axis, 0)), -1, axis)


class Spatial(_Convolution):
    """W (out, in, h, w) by an h×1 convolution to `rank` channels and a 1×w one to the outputs.

    The SVD of W as a matrix (in·h, out·w), so the best of its kind. With one axis the second is
    pointwise, with three the first has two of them. Sources: Jaderberg et al., arXiv:1405.3866;
    Tai et al., arXiv:1511.06067, section 3.
    """

    @property
    def _split(self) -> int:
        """How many axes of the kernel the first factor has."""
        return ceil(len(self._axes) / 2)

    @property
    def _sides(self) -> tuple[int, int]:
        outputs, inputs, *kernel = self.weight.shape
        return inputs * prod(kernel[: self._split]), outputs * prod(kernel[self._split :])

    @property
    def full_rank(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The smaller side of that matrix."""
        return min(self._sides)

    def parameters(self, rank: int) -> int:
        """rank · (in · h + out · w), and the biases."""
        return rank * sum(self._sides) + self.bias_count

    @cached_property
    def _decomposed(self) -> tuple[Array, Array, Array]:
        first = [1, *(2 + axis for axis in self._axes[: self._split])]
        second = [0, *(2 + axis for axis in self._axes[self._split :])]
        return svd(self.weight.transpose(*first, *second).reshape(self._sides))

    @cached_property
    def _shares(self) -> Array:
        return leading_shares(self._decomposed[1])

    def retained(self, rank: int) -> float:
        """Σ of the first `rank` σ², over that of all."""
        return float(self._shares[rank - 1])

    def make(self, rank: int) -> nn.Sequential:
        """Two convolutions."""
        from torch import nn

        outputs, inputs, *kernel = self.weight.shape
        before, after = kernel[: self._split], kernel[self._split :]
        left, values, right = self._decomposed
        scale = np.sqrt(values[:rank])
        first = np.moveaxis((left[:, :rank] * scale).reshape(inputs, *before, rank), -1, 0)
        second = np.moveaxis((scale[:, None] * right[:rank]).reshape(rank, outputs, *after), 1, 0)
        ones = [1] * len(self._axes)
        first = first.reshape(rank, inputs, *before, *ones[self._split :])
        second = second.reshape(outputs, rank, *ones[: self._split], *after)
        return nn.Sequential(
            factor(self.layer, first, self._axes[: self._split]),
            factor(self.layer, second, self._axes[self._split :], is_last=True),
        )


class Cp(_Convolution):
    """W (out, in, h, w) by CP: 1×1 to `rank` channels, h×1 and 1×w on each alone, 1×1 to the out.

    Fitted by alternating least squares, whose energy is known only once it is fitted; a rank can't
    be called full. Source: Lebedev et al., arXiv:1412.6553, section 3.
    """

    @property
    def full_rank(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of `Spatial`, so that ratios are comparable."""
        return Spatial(self.layer).full_rank

    def parameters(self, rank: int) -> int:
        """rank · (in + h + w + out), and the biases."""
        return rank * sum(self.weight.shape) + self.bias_count

    @cached_property
    def _fits(self) -> dict[int, list[Array]]:
        return {}

    def _fitted(self, rank: int) -> list[Array]:
        from tensorly.decomposition import parafac

        if rank not in self._fits:
            weights, factors = parafac(
                self.weight, rank, n_iter_max=200, init="random", random_state=0, tol=1e-7
            )
            self._fits[rank] = [factors[0] * weights, *factors[1:]]
        return self._fits[rank]

    def retained(self, rank: int) -> float:
        """1 − ‖W − fit‖² / ‖W‖²."""
        from tensorly import cp_to_tensor

        total = float(np.square(self.weight).sum())
        fit = np.asarray(cp_to_tensor((None, self._fitted(rank))))
        lost = float(np.square(self.weight - fit).sum())
        return 1 - lost / total if total else 1.0

    def make(self, rank: int) -> nn.Sequential:
        """A convolution for each axis of the weight; those between see one channel at a time."""
        from torch import nn

        outputs, inputs, *kernel = self._fitted(rank)
        between = []
        for axis, values in zip(self._axes, kernel, strict=True):
            shape = [rank, 1, *(len(values) if i == axis else 1 for i in self._axes)]
            between.append(factor(self.layer, values.T.reshape(shape), (axis,), groups=rank))
        return nn.Sequential(
            self._pointwise(inputs.T), *between, self._pointwise(outputs, is_last=True)
        )
