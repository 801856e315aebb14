"""Augmented images are those of plain definitions, image by image; batches are the same again."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from compbench.contracts import Input, Recipe, Signature, Split
from compbench.contracts.inputs import FEATURES, PIXELS, TOKENS
from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.training.augment import Augmented, Mix, Raw, erased, flipped
from compbench.training.loop import Fit
from compbench.training.stored import Stored
from tests.nets import image_signature
from tests.training.test_shifted import LAYOUTS

CPU = torch.device("cpu")
sizes = st.tuples(*(st.integers(1, most) for most in (9, 3, 8, 8)))
seeds = st.integers(0, 999)


def images(shape: tuple[int, ...], seed: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=random)


@given(shape=sizes, seed=seeds, layout=st.sampled_from(LAYOUTS))
def test_mirrored_images_are_those_of_the_definition(
    shape: tuple[int, ...], seed: int, layout: torch.memory_format
) -> None:
    given_ = images(shape, seed)
    ours, theirs = (torch.Generator().manual_seed(seed) for _ in range(2))
    found = flipped(given_.contiguous(memory_format=layout), ours)
    drawn = torch.rand(len(given_), generator=theirs)
    for image, before, number in zip(found, given_, drawn.tolist(), strict=True):
        assert np.array_equal(image, before.numpy()[..., ::-1] if number < 0.5 else before)


@given(shape=sizes, seed=seeds, probability=st.sampled_from([0.0, 0.5, 1.0]))
def test_erased_images_are_those_of_the_definition(
    shape: tuple[int, ...], seed: int, probability: float
) -> None:
    given_, fill = images(shape, seed), torch.tensor([7.0, 8.0, 9.0])[: shape[1]].view(1, -1, 1, 1)
    ours, theirs = (torch.Generator().manual_seed(seed) for _ in range(2))
    found = erased(given_, probability, fill, ours)
    drawn = torch.rand((5, shape[0]), generator=theirs, dtype=torch.float64).T.tolist()
    for image, before, numbers in zip(found, given_, drawn, strict=True):
        assert torch.equal(image, by_definition(before, probability, fill[0], *numbers))


def by_definition(image: Tensor, probability: float, fill: Tensor, *drawn: float) -> Tensor:
    """Algorithm 1 of arXiv:1708.04896, a rectangle that is too long being cut."""
    chance, share, ratio, down, right = drawn
    if chance >= probability:
        return image
    height, width = image.shape[1:]
    area = (0.02 + 0.38 * share) * height * width
    aspect = 0.3 + (1 / 0.3 - 0.3) * ratio
    high = min(max(round(sqrt(area * aspect)), 1), height)
    wide = min(max(round(sqrt(area / aspect)), 1), width)
    top, left = int(down * (height - high + 1)), int(right * (width - wide + 1))
    image = image.clone()
    image[:, top : top + high, left : left + wide] = fill.to(image.dtype)
    return image


def test_rectangles_reach_every_place_and_keep_to_their_area() -> None:
    white = torch.zeros(4000, 1, 16, 16)
    found = erased(white, 1.0, torch.ones(1, 1, 1, 1), torch.Generator().manual_seed(0))
    shares = found.flatten(1).mean(1)
    assert 0.01 < float(shares.min()) < 0.04
    assert 0.36 < float(shares.max()) < 0.44
    assert float(found.mean(0).min()) > 0.01


def raw(recipe: Recipe, split: Split, signature: Signature, epochs: int = 1) -> list[Raw]:
    augmented = Augmented(Stored(split, CPU), signature, recipe, torch.channels_last)
    random = torch.Generator().manual_seed(3)
    order = torch.arange(len(split)).split(5)
    return [batch for _ in range(epochs) for batch in augmented.batches(order, random)]


def test_a_crop_is_a_window_of_the_image_in_a_black_frame() -> None:
    given_ = images((40, 2, 6, 7), 0) // 2 + 1  # never 0
    split = Split({PIXELS: given_.numpy()}, np.zeros(40, np.int64))
    found = raw(Recipe(crop_pixels=2), split, image_signature(2, 6, 7))
    framed = np.pad(given_.numpy(), ((0, 0), (0, 0), (2, 2), (2, 2)))
    places = set()
    for index, image in enumerate(torch.cat([one.inputs[PIXELS] for one in found])):
        fits = [
            (top, left)
            for top in range(5)
            for left in range(5)
            if np.array_equal(framed[index, :, top : top + 6, left : left + 7], image)
        ]
        assert len(fits) == 1
        places |= {*fits}
    assert len(places) > 10


@given(alpha=st.floats(0.1, 4), seed=seeds)
def test_mixed_samples_are_means_of_two(alpha: float, seed: int) -> None:
    given_ = images((11, 1, 4, 4), seed)
    split = Split({PIXELS: given_.numpy()}, np.zeros(11, np.int64))
    for batch in raw(Recipe(mixup=alpha), split, image_signature(1, 4, 4)):
        assert batch.mix
        assert 0 <= batch.mix.share <= 1
        prepared = batch.inputs[PIXELS].double()
        assert {*batch.mix.partners.tolist()} == {*range(len(prepared))}
        mixed = batch.mix.of(prepared)
        for place, partner in enumerate(batch.mix.partners.tolist()):
            share = batch.mix.share
            expected = share * prepared[place] + (1 - share) * prepared[partner]
            torch.testing.assert_close(mixed[place], expected)


def test_shares_are_of_the_beta_distribution() -> None:
    split = Split({PIXELS: np.zeros((5000, 1, 1, 1), np.uint8)}, np.zeros(5000, np.int64))
    for alpha in (0.3, 2.0):
        found = raw(Recipe(mixup=alpha), split, image_signature(1, 1, 1), epochs=2)
        shares = np.array([one.mix.share for one in found if one.mix])
        assert shares.mean() == pytest.approx(0.5, abs=0.04)
        assert shares.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.15)


ALL = {"crop_pixels": 1, "flip": True, "erase": 0.5, "mixup": 0.4}


@pytest.mark.parametrize("options", [{}, {"shift_pixels": 1}, {"flip": True, "erase": 0.3}, ALL])
def test_files_give_the_same_batches_as_memory(options: dict[str, Any], tmp_path: Any) -> None:
    """What is read ahead by a thread is drawn in the same order."""
    held = images((33, 3, 8, 8), 1).numpy()
    np.save(tmp_path / "images.npy", held)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    targets = np.arange(33)
    recipe, signature = Recipe(**options), image_signature(3, 8, 8)
    memory = raw(recipe, Split({PIXELS: held}, targets), signature, 2)
    files = raw(recipe, Split({PIXELS: mapped}, targets), signature, 2)
    rows = np.random.default_rng(0).permutation(33)
    assert np.array_equal(Split({PIXELS: mapped}, targets).take(rows)[PIXELS], held[rows])
    for one, other in zip(memory, files, strict=True):
        assert torch.equal(one.inputs[PIXELS], other.inputs[PIXELS])
        assert (one.mix and one.mix.share) == (other.mix and other.mix.share)


@pytest.mark.parametrize("option", ["shift_pixels", "crop_pixels", "flip", "erase"])
def test_what_changes_images_needs_some(option: str) -> None:
    signature = Signature({FEATURES: Input("float32", (4,))}, 3)
    split = Split({FEATURES: np.zeros((6, 4), np.float32)}, np.zeros(6, np.int64))
    with pytest.raises(JobFailed, match=rf"^{option} changes images .*features float32 \(N, 4\)"):
        raw(Recipe.model_validate({option: option == "flip" or 1}), split, signature)
    assert len(raw(Recipe(mixup=1), split, signature)) == 2


def test_mixup_needs_inputs_of_which_there_are_means() -> None:
    signature = Signature({TOKENS: Input("int64", (4,))}, 3)
    split = Split({TOKENS: np.zeros((6, 4), np.int64)}, np.zeros(6, np.int64))
    with pytest.raises(JobFailed, match=r"^mixup takes means .* with tokens"):
        raw(Recipe(mixup=1), split, signature)


def test_two_ways_of_moving_are_one_too_many() -> None:
    with pytest.raises(ValueError, match="keep one"):
        Recipe(shift_pixels=1, crop_pixels=1)


def test_mixed_losses_are_mixed_and_the_teacher_sees_the_same(tiny: Data) -> None:
    """The loss of a batch is λ · loss(targets) + (1 - λ) · loss(partners' targets)."""
    from compbench.techniques import distill
    from compbench.training.losses import taught
    from compbench.training.micro_batch import Mixed

    technique = distill.Technique.model_validate({"model": "mlp", "mixup": 0.5})
    fit = Fit(tiny.training, 0, lambda *_: None)
    torch.manual_seed(0)
    teacher = technique.model.build(tiny.signature)
    loss = taught(teacher, technique, tiny.training, fit)
    assert loss is not None
    pixels, labels = torch.randn(6, 1, 12, 12), torch.arange(6) % 3
    mix = Mix(0.3, torch.tensor([1, 2, 3, 4, 5, 0]))
    mixed = Mixed({PIXELS: mix.of(pixels)}, labels, torch.arange(6), mix)
    outputs = torch.randn(6, 3)
    ((share, part),) = mixed.parts(128)
    task = tiny.task
    hard = 0.3 * task.loss(outputs, labels) + 0.7 * task.loss(outputs, labels[mix.partners])
    asked = teacher.eval()(mixed.inputs[PIXELS]).detach()
    soft = task.imitation(asked, outputs, technique.temperature)
    expected = technique.hard_weight * hard + technique.soft_weight * soft
    torch.testing.assert_close(part.loss(loss, outputs), expected)
    assert share == 1
    parts = [
        s * p.loss(loss, outputs[i * 2 : i * 2 + 2]) for i, (s, p) in enumerate(mixed.parts(2))
    ]
    torch.testing.assert_close(torch.stack(parts).sum(), expected)


@pytest.mark.parametrize("options", [ALL, {**ALL, "crop_pixels": 0, "shift_pixels": 2}])
def test_an_augmented_training_repeats_itself_and_learns(
    options: dict[str, Any], tiny: Data
) -> None:
    from compbench.models import mlp

    states, data = [], replace(tiny.training)
    for _ in range(2):
        fit = Fit(data, 0, lambda *_: None)
        torch.manual_seed(0)
        model = fit(
            mlp.Model(hidden=(16,)).build(data.signature),
            Recipe(epochs=6, batch_size=16, learning_rate=0.01, **options),
        )
        states.append(torch.cat([p.flatten() for p in model.parameters()]))
        assert fit.history[-1].train_loss < fit.history[0].train_loss
    assert torch.equal(*states)
