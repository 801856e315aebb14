"""How a net's tensors lie in memory while it is trained or asked."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from compbench.training.strides import has_stride
from compbench.training.weights import undone


def working(
    model: nn.Module, example: Sequence[Tensor], device: torch.device
) -> torch.memory_format:
    """Move a net to a device, in the fastest layout in which it runs forward and backward.

    Views of its own making may need another one than channels_last: it is tried on an example.
    """
    layout = fastest(model)
    moved(model, device, layout)
    if layout == torch.channels_last and not _runs(model, [x.to(device) for x in example]):
        layout = torch.contiguous_format
        moved(model, device, layout)
    return layout


def _runs(model: nn.Module, example: Sequence[Tensor]) -> bool:
    """Whether it can be trained on images that come in channels_last."""
    images = [x.to(memory_format=torch.channels_last) if x.ndim == 4 else x for x in example]
    with undone(model), torch.enable_grad():
        try:
            outputs = model.train()(*images)
            if isinstance(outputs, Tensor) and outputs.requires_grad:
                outputs.sum().backward()
        except RuntimeError:  # whatever else is wrong, training will say
            return False
    return True


def fastest(model: nn.Module) -> torch.memory_format:
    """channels_last where there are convolutions; not where a 1×1 one runs with a stride.

    The backward pass of those crashes the process in that layout (torch 2.13, oneDNN on AVX-512):
    see `strides`. Nor where a tensor has five axes, as of a 3-D convolution: the layout is one of
    four.
    """
    convolutions = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    breaks = any(map(has_stride, convolutions))
    breaks |= any(t.ndim == 5 for t in (*model.parameters(), *model.buffers()))
    return torch.channels_last if convolutions and not breaks else torch.contiguous_format


def moved(model: nn.Module, device: torch.device, layout: torch.memory_format) -> nn.Module:
    """The same module, in place."""
    return model.to(device, memory_format=layout)  # pyright: ignore[reportCallIssue]
