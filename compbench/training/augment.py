"""Images changed at random while a net is trained on them; raw pixels, of any type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from compbench.contracts import Signature
from compbench.training.stored import Stored


class Shifted:
    """Images of which each is moved by its own random offset, its border value moving in.

    They are padded once. A moved image is a window of its padded one, known by where it starts, so
    that a batch is one copy of lines and nothing is looked up by pixel.
    """

    def __init__(self, images: Tensor, pixels: int, layout: torch.memory_format):
        """Offsets are up to ±`pixels` in both directions; batches (B, C, H, W) have the layout."""
        _, channels, height, width = images.shape
        padded = functional.pad(images, (pixels,) * 4, mode="replicate") if pixels else images
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
        for starts in self._starts(order, generator):
            if self._pixels:
                images = self._windows.index_select(0, starts)
            else:
                images = self._padded.flatten(1).index_select(0, starts)
            images = images.view(len(starts), *self._shape)
            yield images.permute(0, 3, 1, 2) if self._is_last else images

    def _starts(self, order: Sequence[Tensor], generator: torch.Generator) -> Sequence[Tensor]:
        if not self._pixels:
            return order
        most = 2 * self._pixels + 1
        drawn = [torch.randint(0, most, (2, len(b)), generator=generator) for b in order]
        rows, columns = torch.cat(drawn, 1).to(self._padded.device)
        starts = torch.cat(list(order)) * self._image + rows * self._line + columns * self._step
        return starts.split([len(batch) for batch in order])


class Augmented:
    """The raw inputs of training batches, images among them moved at random."""

    def __init__(
        self, stored: Stored, signature: Signature, pixels: int, layout: torch.memory_format
    ):
        self._stored, self._pixels, self._layout = stored, pixels, layout
        self._images = [name for name, one in signature.inputs.items() if len(one.shape) == 3]
        held = stored.inputs or {}
        self._shifted = {n: Shifted(held[n], pixels, layout) for n in self._images if n in held}

    def batches(
        self, order: Sequence[Tensor], generator: torch.Generator
    ) -> Iterator[dict[str, Tensor]]:
        """The raw inputs of each batch of indices."""
        moved = [each.batches(order, generator) for each in self._shifted.values()]
        for indices in order:
            if self._stored.inputs is None:
                raw = self._stored.take(indices)
                yield raw | {n: self._moved(raw[n], generator) for n in self._images}
                continue
            raw = {
                name: array.index_select(0, indices)
                for name, array in self._stored.inputs.items()
                if name not in self._shifted
            }
            yield raw | {n: next(each) for n, each in zip(self._shifted, moved, strict=True)}

    def _moved(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """A batch that is not held in memory."""
        everything = torch.arange(len(images), device=images.device)
        return next(Shifted(images, self._pixels, self._layout).batches([everything], generator))
