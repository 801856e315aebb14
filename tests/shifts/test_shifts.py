"""Every shift, found by its file, on inputs of every kind: a new one needs no new line."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import cos, sin
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from compbench.contracts import Input, Normalisation, ShiftBase, Signature, Split, TrainingData
from compbench.contracts import kinds as contract_kinds
from compbench.contracts.inputs import FEATURES, MASK, PIXELS, TOKENS, WAVEFORM, Array
from compbench.contracts.shift import WORST, moments
from compbench.registry import registry
from compbench.tasks import classification

NAMES = registry.names("shift")
COUNT = 64
PIXEL = Normalisation((0.3,), (0.25,), 255.0)
TEXT = 50  # tokens of the vocabulary


def smooth(channels: int, height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Images with blobs, none at the edge: as digits have them."""
    noise = np.random.default_rng(seed).random((COUNT, channels, height, width))
    blobs = ndimage.gaussian_filter(noise, (0, 0, 2, 2))
    blobs = (blobs - blobs.min()) / np.ptp(blobs)
    y, x = (np.hanning(side) for side in (height, width))
    return np.rint(255 * blobs * np.outer(y, x)).astype(np.uint8)


def inputs(name: str, seed: int = 0) -> tuple[dict[str, Input], dict[str, Array]]:
    """Inputs of a kind, and samples of them."""
    random = np.random.default_rng(seed)
    if name == "image":
        return {PIXELS: Input("uint8", (1, 28, 28), PIXEL)}, {PIXELS: smooth(1, 28, 28, seed)}
    if name == "photograph":
        many = Normalisation((0.3, 0.4, 0.5), (0.2,) * 3, 255.0)
        return {PIXELS: Input("uint8", (3, 40, 64), many)}, {PIXELS: smooth(3, 40, 64, seed)}
    if name == "float image":
        pixels = smooth(1, 12, 12, seed).astype(np.float32) / 255
        return {"scan": Input("float32", (1, 12, 12))}, {"scan": pixels}
    if name == "table":
        scale = np.array([1, 1000, 1e-3, 0, 1], np.float32)
        values = random.normal(size=(COUNT, 5)).astype(np.float32) * scale + 7 * scale
        values[:, 3] = 4
        return {FEATURES: Input("float32", (5,))}, {FEATURES: values}
    if name == "sound":
        wave = np.sin(np.arange(200) / 7) * random.random((COUNT, 1))
        return {WAVEFORM: Input("float32", (200,), rate=8000)}, {WAVEFORM: wave.astype(np.float32)}
    tokens = random.integers(2, TEXT, (COUNT, 30))
    mask = (np.arange(30) < random.integers(5, 31, (COUNT, 1))).astype(np.int64)
    known = {TOKENS: Input("int64", (30,), values=TEXT), MASK: Input("int64", (30,), values=2)}
    return known, {TOKENS: np.where(mask, tokens, 0), MASK: mask}


KINDS = ("image", "photograph", "float image", "table", "sound", "text")


@cache
def training(name: str) -> TrainingData:
    known, arrays = inputs(name, seed=1)
    split = Split(arrays, np.zeros(COUNT, np.int64))
    return TrainingData(split, split, classification.Task(), Signature(known, 2))


@dataclass(frozen=True)
class Subject:
    """A shift on inputs of a kind."""

    shift: str
    kind: str

    @property
    def raw(self) -> dict[str, Array]:
        """What is shifted; nobody may write to it."""
        found = inputs(self.kind)[1]
        for array in found.values():
            array.flags.writeable = False
        return found

    def at(self, severity: int, seed: int = 0) -> dict[str, Array]:
        """The same, shifted."""
        change = made(self.shift).begin(training(self.kind))
        return change(self.raw, severity, np.random.default_rng([seed, 0]))


def made(name: str, **options: Any) -> ShiftBase:
    return contract_kinds.made_shift(name, options)


SUBJECTS = [
    Subject(shift, kind)
    for shift in NAMES
    for kind in KINDS
    if made(shift).misfit(inputs(kind)[0]) is None
]
each = pytest.mark.parametrize("subject", SUBJECTS, ids=lambda s: f"{s.shift} of {s.kind}")


def distance(a: dict[str, Array], b: dict[str, Array]) -> float:
    """How far samples are from others: tokens by how many differ, in its own spread of numbers."""
    found = 0.0
    for name, array in a.items():
        if array.dtype.kind == "i":
            found += float((array != b[name]).mean())
        else:
            spread = array.std(axis=(0, *range(2, array.ndim)), keepdims=True).astype(float)
            gap = np.abs(b[name].astype(float) - array) / np.where(spread, spread, 1)
            found += float(gap.mean())
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_shift_fits_something_and_says_what_it_does_not(name: str) -> None:
    said = {kind: made(name).misfit(inputs(kind)[0]) for kind in KINDS}
    assert None in said.values()
    problems = {problem for problem in said.values() if problem}
    assert problems and all(p.startswith("changes ") and "\n" not in p for p in problems)


def test_each_kind_of_input_can_be_shifted() -> None:
    assert {one.kind for one in SUBJECTS} == {*KINDS}


@each
def test_nothing_is_changed_at_severity_0(subject: Subject) -> None:
    found = subject.at(0)
    for name, array in subject.raw.items():
        np.testing.assert_array_equal(found[name], array, strict=True)


@each
def test_names_types_and_shapes_stay(subject: Subject) -> None:
    known, raw = inputs(subject.kind)[0], subject.raw
    for severity in range(1, WORST + 1):
        found = subject.at(severity)
        assert {*found} == {*raw}
        for name, array in raw.items():
            assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
            assert np.isfinite(found[name]).all()
            values = known[name].values
            assert values is None or (found[name].min() >= 0 and found[name].max() < values)


@each
def test_the_same_generator_gives_the_same(subject: Subject) -> None:
    again = subject.at(3)
    for name, array in subject.at(3).items():
        np.testing.assert_array_equal(again[name], array)


@each
def test_a_higher_severity_is_farther_from_the_original(subject: Subject) -> None:
    far = [distance(subject.raw, subject.at(severity)) for severity in range(WORST + 1)]
    assert far[0] == 0
    assert far == sorted({*far}), "each farther than the one before"


RANDOM = ("noise", "rotation", "translation", "occlusion", "dropped_features", "replaced_tokens")


@each
def test_what_is_random_is_another_by_another_seed_and_nothing_else_is(subject: Subject) -> None:
    one, other = subject.at(3), subject.at(3, seed=1)
    is_other = any((one[name] != other[name]).any() for name in one)
    if subject.shift in RANDOM:
        assert is_other
    elif subject.shift in ("blur", "contrast"):
        assert not is_other


def test_the_options_of_a_shift() -> None:
    assert made("noise").severities == (1, 2, 3, 4, 5)
    assert made("noise", severities=[4, 2]).severities == (2, 4)


def test_noise_on_pixels_has_the_published_deviations() -> None:
    grey = {PIXELS: np.full((COUNT, 1, 28, 28), 128, np.uint8)}
    change = made("noise").begin(training("image"))
    for severity, sigma in enumerate((0, 0.04, 0.06, 0.08, 0.09, 0.10)):
        found = change(grey, severity, np.random.default_rng(0))[PIXELS].astype(float)
        assert found.std() / 255 == pytest.approx(sigma, abs=0.002)


def test_noise_on_features_goes_by_the_spread_of_each() -> None:
    subject = Subject("noise", "table")
    noise = (subject.at(5)[FEATURES] - subject.raw[FEATURES]).std(axis=0)
    spread = training("table").train.arrays[FEATURES].std(axis=0)
    assert noise[3] == 0, "what never varied has none"
    shares = noise[[0, 1, 2, 4]] / spread[[0, 1, 2, 4]]
    assert shares == pytest.approx([0.4] * 4, rel=0.3)


def test_contrast_is_the_published_formula() -> None:
    subject = Subject("contrast", "photograph")
    pixels = subject.raw[PIXELS] / 255
    mean = pixels.mean(axis=(2, 3), keepdims=True)
    for severity, left in enumerate((0.75, 0.5, 0.4, 0.3, 0.15), 1):
        wanted = np.rint(np.clip((pixels - mean) * left + mean, 0, 1) * 255)
        gap = np.abs(subject.at(severity)[PIXELS] - wanted)
        assert gap.max() <= 1 and gap.mean() < 0.01, "but for where a half is rounded"


def test_blur_is_of_so_many_pixels_and_grows_with_large_images() -> None:
    point = np.zeros((1, 1, 21, 21), np.uint8)
    point[..., 10, 10] = 255
    large = np.zeros((1, 1, 129, 128), np.uint8)
    large[..., 60:68, 60:68] = 255
    change = made("blur").begin(training("image"))
    small = change({PIXELS: point}, 5, np.random.default_rng(0))[PIXELS][0, 0]
    weights = np.exp(-(np.arange(-4, 5.0) ** 2) / 2)
    weights /= weights.sum()
    np.testing.assert_allclose(small[6:15, 6:15], 255 * np.outer(weights, weights), atol=1)
    wide = change({PIXELS: large}, 5, np.random.default_rng(0))[PIXELS][0, 0]
    wanted = ndimage.gaussian_filter(large[0, 0].astype(float), 4, mode="nearest")
    np.testing.assert_allclose(wide, wanted, atol=1)


@pytest.mark.parametrize("severity", range(1, 6))
def test_translation_moves_by_as_many_pixels_of_28(severity: int) -> None:
    subject = Subject("translation", "image")
    before, after = subject.raw[PIXELS][:, 0], subject.at(severity)[PIXELS][:, 0]
    corners = set()
    for old, new in zip(before, after, strict=True):
        moved = {
            (y, x): np.roll(old, (y, x), (0, 1))
            for y in (-severity, severity)
            for x in (-severity, severity)
        }
        inner = slice(severity, 28 - severity)
        (corner,) = (c for c, m in moved.items() if (m[inner, inner] == new[inner, inner]).all())
        corners.add(corner)
    assert len(corners) == 4, "each image to a corner of its own"


def test_rotation_turns_about_the_middle_by_so_many_radians() -> None:
    image = np.zeros((40, 1, 41, 41), np.uint8)
    image[:, 0, 20, 32] = 255  # twelve pixels to the right of the middle
    change = made("rotation").begin(training("image"))
    for severity, angle in enumerate((0.2, 0.4, 0.6, 0.8, 1.0), 1):
        found = change({PIXELS: image}, severity, np.random.default_rng(0))[PIXELS][:, 0]
        sides = set()
        for one in found:
            y, x = np.average(np.argwhere(one), axis=0, weights=one[one > 0])
            assert x - 20 == pytest.approx(12 * cos(angle), abs=0.5)
            assert abs(y - 20) == pytest.approx(12 * sin(angle), abs=0.5)
            sides.add(y > 20)
        assert sides == {True, False}


def test_a_patch_hides_so_much_and_covers_that_of_a_lower_severity() -> None:
    white = {PIXELS: np.full((COUNT, 1, 40, 40), 255, np.uint8)}
    change = made("occlusion").begin(training("image"))
    hidden = [
        change(white, severity, np.random.default_rng(0))[PIXELS] != 255 for severity in range(6)
    ]
    for lower, higher in pairwise(hidden):
        assert (higher | lower == higher).all()
    assert hidden[5].reshape(COUNT, -1).sum(1).max() <= 20 * 20
    assert hidden[5].reshape(COUNT, -1).sum(1).max() >= 19 * 19
    found = change(white, 5, np.random.default_rng(0))[PIXELS]
    assert {*np.unique(found)} == {255, round(0.3 * 255)}, "the mean of what was trained on"


def test_lost_features_are_the_training_mean() -> None:
    subject = Subject("dropped_features", "table")
    means = training("table").train.arrays[FEATURES].mean(axis=0)
    before, after = subject.raw[FEATURES], subject.at(5)[FEATURES]
    is_lost = after != before
    np.testing.assert_allclose(after[is_lost], np.broadcast_to(means, before.shape)[is_lost], 1e-4)
    assert is_lost[:, [0, 1, 2, 4]].mean() == pytest.approx(0.5, abs=0.1)


def test_replaced_tokens_are_others_of_training_and_what_fills_up_stays() -> None:
    subject = Subject("replaced_tokens", "text")
    before, after = subject.raw, subject.at(5)
    np.testing.assert_array_equal(after[MASK], before[MASK])
    there = before[MASK] == 1
    assert (after[TOKENS][~there] == 0).all()
    assert after[TOKENS][there].min() >= 2, "no padding within a text"
    changed = (after[TOKENS] != before[TOKENS])[there].mean()
    assert changed == pytest.approx(0.4, abs=0.05)


@settings(max_examples=20)
@given(
    values=st.lists(st.floats(-1e3, 1e3, width=32), min_size=4, max_size=40),
    offset=st.sampled_from([0.0, 1e6]),
)
def test_moments_are_those_of_the_training_split(values: list[float], offset: float) -> None:
    count = len(values) // 2
    features = (np.array(values[: 2 * count], np.float64) + offset).reshape(count, 2)
    split = Split({FEATURES: features}, np.zeros(count, np.int64))
    known = Signature({FEATURES: Input("float64", (2,))}, 2)
    data = TrainingData(split, split, classification.Task(), known)
    mean, deviation = moments(data, FEATURES)
    np.testing.assert_allclose(mean, features.mean(0, keepdims=True), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(deviation, features.std(0, keepdims=True), rtol=1e-6, atol=1e-6)
    mean, deviation = moments(data, FEATURES, whole=True)
    assert mean.item() == pytest.approx(features.mean(), rel=1e-9, abs=1e-9)
    assert deviation.item() == pytest.approx(features.std(), rel=1e-6, abs=1e-6)


@settings(max_examples=25)
@given(
    name=st.sampled_from([s.shift for s in SUBJECTS if s.kind == "image"]),
    severity=st.integers(0, WORST),
    side=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    seed=st.integers(0, 2**32),
)
def test_images_of_any_size_stay_images(
    name: str, severity: int, side: tuple[int, int], seed: int
) -> None:
    random = np.random.default_rng(seed)
    raw = {PIXELS: random.integers(0, 256, (3, 1, *side), dtype=np.uint8)}
    found = made(name).begin(training("image"))(raw, severity, random)[PIXELS]
    assert (found.dtype, found.shape) == (np.uint8, raw[PIXELS].shape)
    assert severity or (found == raw[PIXELS]).all()


def test_shifts_are_listed_without_importing_torch() -> None:
    code = (
        "import sys\nfrom compbench.contracts import kinds\n"
        "from compbench.registry import registry\n"
        "[kinds.made_shift(name) for name in registry.names('shift')]\n"
        "print(sorted({'torch', 'scipy'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
