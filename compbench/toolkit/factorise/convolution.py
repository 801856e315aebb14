"""One convolution -> one to four smaller ones in a row, and what a rank keeps of its energy."""

from __future__ import annotations

from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from compbench.toolkit.factorise.linear import Array, Factors, leading_share, set_weight, svd

if TYPE_CHECKING:
    from torch import nn


class _Convolution(Factors):
    layer: nn.Conv2d

    def _factor(
        self, weight: Array, axes: str = "", groups: int = 1, is_last: bool = False
    ) -> nn.Conv2d:
        """A convolution with this weight, and the layer's stride and so on along `axes`."""
        from torch import nn

        def along(setting: tuple[int, ...], default: int) -> tuple[int, int]:
            height, width = (
                setting[i] if axis in axes else default for i, axis in enumerate(("h", "w"))
            )
            return height, width

        bias, padding = self.layer.bias if is_last else None, self.layer.padding
        made = nn.Conv2d(
            weight.shape[1] * groups,
            weight.shape[0],
            (weight.shape[2], weight.shape[3]),
            stride=along(self.layer.stride, 1),
            padding=padding if isinstance(padding, str) else along(padding, 0),
            dilation=along(self.layer.dilation, 1),
            groups=groups,
            bias=bias is not None,
            padding_mode=self.layer.padding_mode,
        )
        set_weight(made, weight, bias)
        return made


class Tucker(_Convolution):
    """W (out, in, h, w) by Tucker-2: a 1×1 convolution, an h×w one between ranks, a 1×1 one.

    Rank r of a layer whose larger side has R channels means ⌈r/R · in⌉ and ⌈r/R · out⌉. An axis
    whose rank is full, such as the one input channel of grey images, gets no 1×1 convolution: it
    would only cost time. Source: Kim et al., arXiv:1511.06530, section 3.1.
    """

    @property
    def full_rank(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The larger of the two channel counts."""
        return max(self.weight.shape[:2])

    def _ranks(self, rank: int) -> tuple[int, int]:
        outputs, inputs = (ceil(rank * n / self.full_rank) for n in self.weight.shape[:2])
        return outputs, inputs

    def parameters(self, rank: int) -> int:
        """in · r₁ + r₁ · r₂ · h · w + r₂ · out, without what a full rank saves; and the biases."""
        (outputs, inputs, *kernel), (most, least) = self.weight.shape, self._ranks(rank)
        count = most * least * int(np.prod(kernel)) + self.bias_count
        return count + outputs * most * (most < outputs) + inputs * least * (least < inputs)

    @cached_property
    def _bases(self) -> tuple[Array, Array]:
        outputs, inputs = self.weight.shape[:2]
        by_input = self.weight.swapaxes(0, 1).reshape(inputs, -1)
        return svd(self.weight.reshape(outputs, -1))[0], svd(by_input)[0]

    def retained(self, rank: int) -> float:
        """‖core‖² / ‖W‖² of the projection on the leading bases of both axes (HOSVD)."""
        most, least = self._ranks(rank)
        core = np.einsum(
            "oihw,or,is->rshw", self.weight, self._bases[0][:, :most], self._bases[1][:, :least]
        )
        total = float(np.square(self.weight).sum())
        return min(float(np.square(core).sum()) / total, 1.0) if total else 1.0

    def make(self, rank: int) -> nn.Sequential:
        """One to three convolutions; the projection is refined by alternating least squares."""
        from tensorly.decomposition import partial_tucker
        from torch import nn

        ranks = self._ranks(rank)
        axes = [axis for axis in (0, 1) if ranks[axis] < self.weight.shape[axis]]
        if not axes:
            return nn.Sequential(self._factor(self.weight, "hw", is_last=True))
        wanted = [ranks[axis] for axis in axes]
        (core, found), _ = partial_tucker(self.weight, rank=wanted, modes=axes, init="svd")
        bases = dict(zip(axes, found, strict=True))
        layers = [self._factor(bases[1].T[:, :, None, None])] if 1 in bases else []
        layers.append(self._factor(core, "hw", is_last=0 not in bases))
        if 0 in bases:
            layers.append(self._factor(bases[0][:, :, None, None], is_last=True))
        return nn.Sequential(*layers)


class Spatial(_Convolution):
    """W (out, in, h, w) by an h×1 convolution to `rank` channels and a 1×w one to the outputs.

    The SVD of W as a matrix (in·h, out·w), so the best of its kind. Sources: Jaderberg et al.,
    arXiv:1405.3866; Tai et al., arXiv:1511.06067, section 3.
    """

    @property
    def full_rank(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The smaller side of that matrix."""
        outputs, inputs, height, width = self.weight.shape
        return min(inputs * height, outputs * width)

    def parameters(self, rank: int) -> int:
        """rank · (in · h + out · w), and the biases."""
        outputs, inputs, height, width = self.weight.shape
        return rank * (inputs * height + outputs * width) + self.bias_count

    @cached_property
    def _decomposed(self) -> tuple[Array, Array, Array]:
        outputs, inputs, height, width = self.weight.shape
        return svd(self.weight.transpose(1, 2, 0, 3).reshape(inputs * height, outputs * width))

    def retained(self, rank: int) -> float:
        """Σ of the first `rank` σ², over that of all."""
        return leading_share(self._decomposed[1], rank)

    def make(self, rank: int) -> nn.Sequential:
        """Two convolutions."""
        from torch import nn

        outputs, inputs, height, width = self.weight.shape
        left, values, right = self._decomposed
        scale = np.sqrt(values[:rank])
        first = (left[:, :rank] * scale).reshape(inputs, height, rank).transpose(2, 0, 1)
        second = (scale[:, None] * right[:rank]).reshape(rank, outputs, width).transpose(1, 0, 2)
        return nn.Sequential(
            self._factor(first[:, :, :, None], "h"),
            self._factor(second[:, :, None, :], "w", is_last=True),
        )


class Cp(_Convolution):
    """W (out, in, h, w) by CP: 1×1 to `rank` channels, h×1 and 1×w on each alone, 1×1 to the out.

    Fitted by alternating least squares, whose energy is known only once it is fitted; a rank can't
    be called full. Source: Lebedev et al., arXiv:1412.6553, section 3.
    """

    @property
    def full_rank(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of `Spatial`, so that ratios are comparable."""
        outputs, inputs, height, width = self.weight.shape
        return min(inputs * height, outputs * width)

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
        fit = np.einsum("or,ir,hr,wr->oihw", *self._fitted(rank))
        total = float(np.square(self.weight).sum())
        return 1 - float(np.square(self.weight - fit).sum()) / total if total else 1.0

    def make(self, rank: int) -> nn.Sequential:
        """Four convolutions, of which the middle two see one channel at a time."""
        from torch import nn

        outputs, inputs, heights, widths = self._fitted(rank)
        return nn.Sequential(
            self._factor(inputs.T[:, :, None, None]),
            self._factor(heights.T[:, None, :, None], "h", groups=rank),
            self._factor(widths.T[:, None, None, :], "w", groups=rank),
            self._factor(outputs[:, :, None, None], is_last=True),
        )
