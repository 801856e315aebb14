"""Training batches changed at random: images moved, mirrored and erased, samples mixed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from compbench.contracts import Recipe, Signature
from compbench.errors import JobFailed
from compbench.training.prefetch import ahead
from compbench.training.shifted import Shifted, offsets
from compbench.training.stored import Stored

ERASED = (0.02, 0.4)  # least and most share of an image; 0.3 to 1/0.3: its height over its width
ASPECT = (0.3, 1 / 0.3)
_SEEDS = 1 << 62


@dataclass(frozen=True)
class Mix:
    """A batch's samples keep the share λ of themselves; the rest is from `partners` (B,)."""

    share: float
    partners: Tensor

    def of(self, prepared: Tensor) -> Tensor:
        """λ · x + (1 - λ) · x[partners]."""
        return torch.lerp(prepared.index_select(0, self.partners), prepared, self.share)


@dataclass(frozen=True)
class Raw:
    """The raw inputs of a batch, and how its samples are to be mixed when they are prepared."""

    inputs: dict[str, Tensor]
    mix: Mix | None


class Augmented:
    """The raw inputs of training batches, changed as a recipe says."""

    def __init__(
        self, stored: Stored, signature: Signature, recipe: Recipe, layout: torch.memory_format
    ):
        """Raises JobFailed where the inputs are not what the recipe changes."""
        self._stored, self._recipe, self._layout = stored, recipe, layout
        self._images = [name for name, one in signature.inputs.items() if len(one.shape) == 3]
        _refuse_misfit(recipe, signature, bool(self._images))
        held = stored.inputs or {}
        self._shifted = {n: self._shift(held[n]) for n in self._images if n in held}
        self._fill = {n: _mean(signature, n).to(stored.device) for n in self._images}

    def batches(self, order: Sequence[Tensor], generator: torch.Generator) -> Iterator[Raw]:
        """Each batch of indices; what is not in memory is read while the last one is used."""
        found = self._changed(order, generator)
        return found if self._stored.inputs is not None else ahead(found)

    def _changed(self, order: Sequence[Tensor], generator: torch.Generator) -> Iterator[Raw]:
        recipe = self._recipe
        for raw in self._moved(order, generator):
            for name in self._images:
                if recipe.flip:
                    raw[name] = flipped(raw[name], generator)
                if recipe.erase:
                    raw[name] = erased(raw[name], recipe.erase, self._fill[name], generator)
            count = len(next(iter(raw.values())))
            yield Raw(raw, self._mix(count, generator) if recipe.mixup else None)

    def _mix(self, count: int, generator: torch.Generator) -> Mix:
        partners = torch.randperm(count, generator=generator)
        seed = int(torch.randint(_SEEDS, (), generator=generator))
        share = np.random.default_rng(seed).beta(self._recipe.mixup, self._recipe.mixup)
        return Mix(float(share), partners.to(self._stored.device))

    def _moved(
        self, order: Sequence[Tensor], generator: torch.Generator
    ) -> Iterator[dict[str, Tensor]]:
        pixels = self._recipe.shift_pixels or self._recipe.crop_pixels
        places = {name: offsets(order, pixels, generator) for name in self._images}
        held = self._stored.inputs
        if held is None:
            for number, indices in enumerate(order):
                raw = self._stored.take(indices)
                everything = [torch.arange(len(indices), device=indices.device)]
                for name in self._images:
                    (raw[name],) = self._shift(raw[name]).moved(everything, [places[name][number]])
                yield raw
            return
        moved = {name: self._shifted[name].moved(order, places[name]) for name in self._images}
        for indices in order:
            yield {
                name: next(moved[name]) if name in moved else array.index_select(0, indices)
                for name, array in held.items()
            }

    def _shift(self, images: Tensor) -> Shifted:
        """Images of all samples, or of a batch that is not held in memory."""
        if self._recipe.crop_pixels:
            return Shifted(images, self._recipe.crop_pixels, self._layout, "constant")
        return Shifted(images, self._recipe.shift_pixels, self._layout)


def flipped(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image (B, C, H, W) mirrored, left for right, with probability 1/2."""
    is_mirrored = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(is_mirrored.view(-1, 1, 1, 1).to(images.device), images.flip(3), images)


def erased(images: Tensor, probability: float, fill: Tensor, generator: torch.Generator) -> Tensor:
    """Images (B, C, H, W), some with a rectangle of the values `fill` (1, C, 1, 1).

    Zhong et al., arXiv:1708.04896, algorithm 1; a rectangle too long for the image is cut to it,
    where they draw another.
    """
    height, width = images.shape[2:]
    drawn = torch.rand((5, len(images)), generator=generator, dtype=torch.float64)
    area = (ERASED[0] + (ERASED[1] - ERASED[0]) * drawn[1]) * height * width
    aspect = ASPECT[0] + (ASPECT[1] - ASPECT[0]) * drawn[2]
    high = (area * aspect).sqrt().round().clamp(1, height)
    wide = (area / aspect).sqrt().round().clamp(1, width)
    top = (drawn[3] * (height - high + 1)).floor()
    left = (drawn[4] * (width - wide + 1)).floor()
    rows, columns = torch.arange(height), torch.arange(width)
    in_rows = (rows >= top[:, None]) & (rows < (top + high)[:, None])
    in_columns = (columns >= left[:, None]) & (columns < (left + wide)[:, None])
    is_chosen = (drawn[0] < probability)[:, None, None]
    inside = in_rows[:, :, None] & in_columns[:, None, :] & is_chosen
    return torch.where(inside[:, None].to(images.device), fill.to(images.dtype), images)


def _mean(signature: Signature, name: str) -> Tensor:
    """What is 0 when it is prepared, or nearly, where pixels are whole numbers; (1, C, 1, 1)."""
    one = signature.inputs[name]
    if one.normalisation is None:
        return torch.zeros(1, 1, 1, 1)
    mean = torch.tensor(one.normalisation.mean, dtype=torch.float32) * one.normalisation.full
    return (mean if one.dtype.startswith("float") else mean.round()).view(1, -1, 1, 1)


def _refuse_misfit(recipe: Recipe, signature: Signature, has_images: bool) -> None:
    if recipe.changes_images and not has_images:
        named = ("shift_pixels", "crop_pixels", "flip", "erase")
        option = next(name for name in named if getattr(recipe, name))
        raise JobFailed(f"{option} changes images (C, H, W); the inputs are {signature.listed}")
    whole = [n for n, one in signature.inputs.items() if one.prepared_dtype != "float32"]
    if recipe.mixup and whole:
        raise JobFailed(
            f"mixup takes means of samples, which is not possible with {', '.join(whole)}: "
            f"{signature.listed}"
        )
