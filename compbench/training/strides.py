"""Pointwise convolutions that skip pixels, as what trains fastest and gives the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeGuard

import torch
from torch import Tensor, nn


@contextmanager
def skipped_first(model: nn.Module) -> Iterator[None]:
    """Within it, such convolutions read only the pixels that they need; as before afterwards."""
    skip_first(model)
    try:
        yield
    finally:
        for layer in model.modules():
            vars(layer).pop("_conv_forward", None)


def skip_first(model: nn.Module) -> None:
    """Have strided 1×1 convolutions skip the pixels before they convolve, without a stride.

    The backward pass of a strided one crashes the process in channels_last (torch 2.13, oneDNN on
    AVX-512), and is slow in any layout. Every residual net has them on the way around its blocks.
    """
    for layer in model.modules():
        if has_stride(layer) and _is_plain(layer):
            down, right = layer.stride
            vars(layer)["_conv_forward"] = partial(_skipping, (down, right), layer.groups)


def has_stride(layer: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Is it a 1×1 convolution that runs with a stride?"""
    pointwise = isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1)
    return pointwise and layer.stride != (1, 1) and "_conv_forward" not in vars(layer)


def _is_plain(layer: nn.Conv2d) -> bool:
    """Without padding and code of its own."""
    kind = type(layer)
    own = (kind.forward, kind._conv_forward) != (nn.Conv2d.forward, nn.Conv2d._conv_forward)
    return layer.padding in ((0, 0), "valid") and not own


def _skipping(
    stride: tuple[int, int], groups: int, x: Tensor, weight: Tensor, bias: Tensor | None
) -> Tensor:
    """In place of `nn.Conv2d._conv_forward`: images (N, C, H, W) -> (N, D, H/s, W/t)."""
    down, right = stride
    return torch.conv2d(x[..., ::down, ::right], weight, bias, groups=groups)
