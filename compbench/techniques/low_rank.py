"""Low-rank factorisation: one large layer becomes two or three small ones."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from compbench.contracts import NullCase, TorchTechnique, Trainer, TrainingData
from compbench.layers import output_layer
from compbench.recipe import Recipe

if TYPE_CHECKING:
    import torch
    from torch import nn


class Technique(Recipe, TorchTechnique):
    """Truncated SVD of linear layers and Tucker-2 of convolutions; fine-tune.

    A layer is left as it is where its factors would have more parameters, and so is the layer that
    gives the logits. Sources: Denton et al., arXiv:1404.0736; Kim et al., "Compression of Deep
    Convolutional Neural Networks for Fast and Low Power Mobile Applications", arXiv:1511.06530.
    """

    libraries: ClassVar[tuple[str, ...]] = ("tensorly",)
    null_case: ClassVar[NullCase] = NullCase({"ratio": 1.0, "epochs": 0})

    ratio: float = Field(
        default=0.25, gt=0, le=1, description="rank kept, as a share of the full rank"
    )
    epochs: int = Field(
        default=4, ge=0, description="epochs of fine-tuning after the factorisation"
    )

    def build(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> nn.Module:
        """The factorised module, fine-tuned: images (N, C, H, W) -> logits (N, K)."""
        from torch import nn

        model = copy.deepcopy(parents[0])
        output_path, _ = output_layer(model)
        for path, layer in list(model.named_modules()):
            if path == output_path:
                continue
            if isinstance(layer, nn.Linear):
                factors = factorised_linear(layer, self.ratio)
            elif isinstance(layer, nn.Conv2d) and layer.groups == 1 and layer.kernel_size != (1, 1):
                factors = factorised_convolution(layer, self.ratio)
            else:
                continue
            if _parameters(factors) < _parameters(layer):
                model.set_submodule(path, factors)
        return fit(model, self)


def factorised_linear(layer: nn.Linear, ratio: float) -> nn.Sequential:
    """W (out, in) ≈ U V by truncated SVD: a layer in → rank without bias, then rank → out.

    The rank is ⌈ratio · min(out, in)⌉; at ratio 1 the product is W.
    """
    import torch
    from torch import nn

    left, values, right = torch.linalg.svd(layer.weight.detach(), full_matrices=False)
    rank = ceil(ratio * len(values))
    scale = values[:rank].sqrt()
    first = nn.Linear(layer.in_features, rank, bias=False)
    second = nn.Linear(rank, layer.out_features, bias=layer.bias is not None)
    _set(first, scale[:, None] * right[:rank])
    _set(second, left[:, :rank] * scale, layer.bias)
    return nn.Sequential(first, second)


def factorised_convolution(layer: nn.Conv2d, ratio: float) -> nn.Sequential:
    """W (out, in, h, w) by Tucker-2: a 1×1 convolution, an h×w one between ranks, a 1×1 one.

    The ranks are ⌈ratio · out⌉ and ⌈ratio · in⌉. An axis whose rank is full, such as the single
    input channel of grey images, gets no 1×1 convolution: it would only cost time.
    """
    import numpy as np
    import torch
    from tensorly.decomposition import partial_tucker
    from torch import nn

    weight = layer.weight.detach().double().numpy()
    outputs, inputs = weight.shape[:2]
    ranks = [ceil(ratio * outputs), ceil(ratio * inputs)]
    axes = [axis for axis in (0, 1) if ranks[axis] < weight.shape[axis]]
    core, factors = weight, {}
    if axes:
        rank = [ranks[axis] for axis in axes]
        (core, found), _ = partial_tucker(weight, rank=rank, modes=axes, init="svd")
        factors = dict(zip(axes, found, strict=True))

    def convolution(weight: np.ndarray, spatial: bool, bias: torch.Tensor | None) -> nn.Conv2d:
        copied = ("stride", "padding", "dilation") if spatial else ()
        settings = {name: getattr(layer, name) for name in copied}
        made = nn.Conv2d(
            weight.shape[1], weight.shape[0], weight.shape[2:], bias=bias is not None, **settings
        )
        _set(made, torch.from_numpy(np.ascontiguousarray(weight)), bias)
        return made

    layers = []
    if 1 in factors:
        layers.append(convolution(factors[1].T[:, :, None, None], False, None))
    layers.append(convolution(core, True, None if 0 in factors else layer.bias))
    if 0 in factors:
        layers.append(convolution(factors[0][:, :, None, None], False, layer.bias))
    return nn.Sequential(*layers)


def _set(
    layer: nn.Linear | nn.Conv2d, weight: torch.Tensor, bias: torch.Tensor | None = None
) -> None:
    import torch

    with torch.no_grad():
        layer.weight.copy_(weight)
        if layer.bias is not None and bias is not None:
            layer.bias.copy_(bias)


def _parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())
