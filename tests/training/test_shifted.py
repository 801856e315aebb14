"""Moved images are those of a plain definition, pixel by pixel."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from compbench.training.shifted import Shifted

LAYOUTS = [torch.contiguous_format, torch.channels_last]


def by_definition(images: Tensor, pixels: int, generator: torch.Generator) -> Tensor:
    """Each image moved by its own random offset, looked up in the padded images by pixel."""
    if pixels == 0:
        return images
    count, _, height, width = images.shape
    offsets = torch.randint(0, 2 * pixels + 1, (2, count, 1), generator=generator)
    padded = functional.pad(images, (pixels,) * 4, mode="replicate")
    rows = offsets[0] + torch.arange(height)
    columns = offsets[1] + torch.arange(width)
    sample = torch.arange(count)[:, None, None]
    moved = padded.permute(0, 2, 3, 1)[sample, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(*(st.integers(1, most) for most in (9, 3, 6, 6))),
    pixels=st.integers(0, 4),
    size=st.integers(1, 5),
    layout=st.sampled_from(LAYOUTS),
    seed=st.integers(0, 999),
)
def test_moved_images_are_those_of_the_definition(
    shape: tuple[int, ...], pixels: int, size: int, layout: torch.memory_format, seed: int
) -> None:
    """For two epochs in a row: the random numbers are drawn in the same order too."""
    random = torch.Generator().manual_seed(seed)
    images = torch.randn(shape, generator=random)
    ours, theirs = (torch.Generator().manual_seed(seed) for _ in range(2))
    shifted = Shifted(images, pixels, layout)
    for _ in range(2):
        order = torch.randperm(len(images), generator=random).split(size)
        moved = list(shifted.batches(order, ours))
        assert len(moved) == len(order)
        for batch, indices in zip(moved, order, strict=True):
            assert torch.equal(batch, by_definition(images[indices], pixels, theirs))
            assert batch.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_shifts_move_whole_images_within_their_bounds(layout: torch.memory_format) -> None:
    images = torch.zeros(200, 1, 9, 9)
    images[:, 0, 4, 4] = 1
    order = [torch.arange(200)]
    (moved,) = Shifted(images, 2, layout).batches(order, torch.Generator().manual_seed(0))
    assert moved.shape == images.shape
    assert torch.equal(moved.sum((1, 2, 3)), torch.ones(200))
    places = moved[:, 0].flatten(1).argmax(1)
    assert sorted({*(places // 9).tolist()}) == [2, 3, 4, 5, 6]
    assert sorted({*(places % 9).tolist()}) == [2, 3, 4, 5, 6]
