"""How a net's tensors lie in memory while it is trained or asked."""

from __future__ import annotations

import torch
from torch import nn


def fastest(model: nn.Module) -> torch.memory_format:
    """channels_last where there are convolutions; not where a 1×1 one has a stride.

    The backward pass of those crashes the process in that layout (torch 2.13, oneDNN on AVX-512).
    Nor where a tensor has five axes, as of a 3-D convolution: the layout is one of four.
    """
    convolutions = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    breaks = any(c.kernel_size == (1, 1) and c.stride != (1, 1) for c in convolutions)
    breaks |= any(t.ndim == 5 for t in (*model.parameters(), *model.buffers()))
    return torch.channels_last if convolutions and not breaks else torch.contiguous_format


def moved(model: nn.Module, device: torch.device, layout: torch.memory_format) -> nn.Module:
    """The same module, in place."""
    return model.to(device, memory_format=layout)  # pyright: ignore[reportCallIssue]
