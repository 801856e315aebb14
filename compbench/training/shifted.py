"""Images moved at random while a net is trained on them; raw pixels, of any type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional


class Shifted:
    """Images of which each is moved by its own random offset, its border value or 0 moving in.

    They are padded once. A moved image is a window of its padded one, known by where it starts, so
    that a batch is one copy of lines and nothing is looked up by pixel.
    """

    def __init__(
        self,
        images: Tensor,
        pixels: int,
        layout: torch.memory_format,
        border: Literal["replicate", "constant"] = "replicate",
    ):
        """Offsets are up to ±`pixels` in both directions; batches (B, C, H, W) have the layout."""
        _, channels, height, width = images.shape
        padded = functional.pad(images, (pixels,) * 4, mode=border) if pixels else images
        wide, self._pixels = width + 2 * pixels, pixels
        self._is_last = layout == torch.channels_last
        if self._is_last:
            padded = padded.permute(0, 2, 3, 1)
        self._padded = padded.contiguous()
        self._image = self._padded[0].numel()
        self._shape = (height, width, channels) if self._is_last else (channels, height, width)
        self._line, self._step = (wide * channels, channels) if self._is_last else (wide, 1)
        sizes = (height, width * channels) if self._is_last else self._shape
        strides = (self._line, 1) if self._is_last else (self._image // channels, wide, 1)
        span = sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
        starts = self._padded.numel() - span
        self._windows = self._padded.as_strided((starts, *sizes), (1, *strides))

    def batches(self, order: Sequence[Tensor], generator: torch.Generator) -> Iterator[Tensor]:
        """The images of each batch of indices, moved by offsets that are drawn batch by batch."""
        return self.moved(order, offsets(order, self._pixels, generator))

    def moved(self, order: Sequence[Tensor], offsets: Sequence[Tensor]) -> Iterator[Tensor]:
        """The images of each batch of indices (B,), moved by rows and columns (2, B)."""
        for starts in self._starts(order, offsets):
            if self._pixels:
                images = self._windows.index_select(0, starts)
            else:
                images = self._padded.flatten(1).index_select(0, starts)
            images = images.view(len(starts), *self._shape)
            yield images.permute(0, 3, 1, 2) if self._is_last else images

    def _starts(self, order: Sequence[Tensor], offsets: Sequence[Tensor]) -> Sequence[Tensor]:
        if not self._pixels:
            return order
        rows, columns = torch.cat(list(offsets), 1).to(self._padded.device)
        starts = torch.cat(list(order)) * self._image + rows * self._line + columns * self._step
        return starts.split([len(batch) for batch in order])


def offsets(order: Sequence[Tensor], pixels: int, generator: torch.Generator) -> Sequence[Tensor]:
    """Where in its padded image each image of each batch begins: rows and columns (2, B)."""
    if not pixels:
        return [torch.empty(2, 0, dtype=torch.int64)] * len(order)
    return [torch.randint(0, 2 * pixels + 1, (2, len(b)), generator=generator) for b in order]
