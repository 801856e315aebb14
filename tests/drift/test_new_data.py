"""New data as users have them; what is wrong with them is one line."""

from __future__ import annotations

import gc
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from compbench.contracts import Input
from compbench.drift import new_data
from compbench.errors import UserError

PIXELS = {"pixels": Input("uint8", (1, 6, 8))}
COLOUR = {"pixels": Input("uint8", (3, 6, 8))}
TEXT = {"tokens": Input("int64", (5,), free_axes=(0,), values=9), "mask": Input("float32", (5,))}
FEATURES = {"features": Input("float32", (3,))}
IMAGES = np.arange(30 * 48, dtype=np.uint32).reshape(30, 1, 6, 8).astype(np.uint8)


def save(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def read(path: Path, inputs: dict[str, Input]) -> dict[str, np.ndarray]:
    with new_data.opened(path, inputs) as found:
        return {name: np.array(array) for name, array in found.split.arrays.items()}


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed], ids=["stored", "packed"])
def test_arrays_by_name_are_mapped_and_the_copies_removed(
    tmp_path: Path, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    write(tmp_path / "new.npz", pixels=IMAGES, labels=np.arange(30))
    with new_data.opened(tmp_path / "new.npz", PIXELS) as found:
        assert not found.split.is_in_memory
        assert (found.split.arrays["pixels"] == IMAGES).all()
        assert (found.names, found.unused) == ((), ("labels",))
    del found
    gc.collect()
    assert [*(tmp_path / "temporary").iterdir()] == []


def test_one_array_needs_no_name(tmp_path: Path) -> None:
    np.save(tmp_path / "new.npy", IMAGES)
    assert (read(tmp_path / "new.npy", PIXELS)["pixels"] == IMAGES).all()
    np.save(tmp_path / "turned.npy", np.asfortranarray(IMAGES))
    assert (read(tmp_path / "turned.npy", PIXELS)["pixels"] == IMAGES).all()


def test_texts_may_be_of_another_length(tmp_path: Path) -> None:
    given = {"tokens": np.ones((20, 7), np.int64), "mask": np.ones((20, 5), np.float32)}
    assert read(save(tmp_path / "new.npz", **given), TEXT)["tokens"].shape == (20, 7)


def pictures(folder: Path, count: int = 25, size: tuple[int, int] = (8, 6)) -> Path:
    """Grey pictures in folders, each as bright as its number."""
    for number in range(count):
        place = folder / ("a" if number < 15 else "b/c")
        place.mkdir(parents=True, exist_ok=True)
        Image.new("L", size, number).save(place / f"{number}.png")
    return folder


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("inputs", [PIXELS, COLOUR], ids=["grey", "colour"])
def test_pictures_at_any_depth_are_in_natural_order(
    tmp_path: Path, kind: str, inputs: dict[str, Input]
) -> None:
    path = pictures(tmp_path / "new")
    (path / "notes.txt").write_text("mine")
    if kind == "zip":
        with zipfile.ZipFile(tmp_path / "new.zip", "w") as archive:
            for file in sorted(path.rglob("*.*")):
                archive.write(file, file.relative_to(path))
        path = tmp_path / "new.zip"
    with new_data.opened(path, inputs) as found:
        pixels = np.array(found.split.arrays["pixels"])
        names = found.names
    assert pixels.shape == (25, *inputs["pixels"].shape)
    assert (pixels == np.arange(25)[:, None, None, None]).all()
    assert names[:2] == ("a/0.png", "a/1.png")
    assert names[-1] == "b/c/24.png"


def test_pictures_of_another_size_are_made_to_fit(tmp_path: Path) -> None:
    found = read(pictures(tmp_path / "new", size=(32, 24)), PIXELS)["pixels"]
    assert found.shape == (25, 1, 6, 8)


LONG = np.zeros((30, 1, 6, 8), np.uint8)
WRONG: dict[str, tuple[dict[str, Any], dict[str, Input], str]] = {
    "name": ({"pixel": IMAGES}, PIXELS, "has no array 'pixels'; did you mean 'pixel'?"),
    "nothing": ({}, PIXELS, "has no array 'pixels'"),
    "type": ({"pixels": IMAGES / 255}, PIXELS, "pixels of float64 should be uint8, (N, 1, 6, 8)"),
    "shape": (
        {"pixels": IMAGES[..., :7]},
        PIXELS,
        "pixels of shape (30, 1, 6, 7) should be (N, 1, 6, 8)",
    ),
    "no channel": ({"pixels": IMAGES[:, 0]}, PIXELS, "should be (N, 1, 6, 8): images[:, None]"),
    "channels last": (
        {"pixels": np.zeros((30, 6, 8, 3), np.uint8)},
        COLOUR,
        "should be (N, 3, 6, 8): images.transpose(0, 3, 1, 2)",
    ),
    "one number": ({"pixels": np.uint8(3)}, PIXELS, "pixels of shape () should be (N, 1, 6, 8)"),
    "empty": ({"pixels": IMAGES[:0]}, PIXELS, "has 0 samples"),
    "few": ({"pixels": IMAGES[:19]}, PIXELS, "has 19 samples, of which nothing can be said: give "),
    "not a number": (
        {"features": np.where(np.arange(90).reshape(30, 3) == 51, np.nan, 0).astype(np.float32)},
        FEATURES,
        "sample 17 of features is not a finite number",
    ),
    "endless": (
        {"features": np.full((30, 3), np.inf, np.float32)},
        FEATURES,
        "sample 0 of features is not a finite number",
    ),
    "objects": ({"features": np.array([None] * 30)}, FEATURES, "holds no array that can be read"),
    "token": (
        {"tokens": np.full((30, 5), 9), "mask": np.ones((30, 5), np.float32)},
        TEXT,
        "sample 0 of tokens is not all in 0 to 8",
    ),
    "unequal": (
        {"tokens": np.ones((30, 5), np.int64), "mask": np.ones((29, 5), np.float32)},
        TEXT,
        "has 30 of tokens, 29 of mask: each sample needs all of them",
    ),
}


@pytest.mark.parametrize(("arrays", "inputs", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said(
    tmp_path: Path, arrays: dict[str, Any], inputs: dict[str, Input], said: str
) -> None:
    path = save(tmp_path / "new.npz", **arrays)
    with pytest.raises(UserError) as refused:
        read(path, inputs)
    assert str(refused.value).startswith(f"{path}")
    assert said in str(refused.value)


def test_an_array_without_a_name_is_not_several_inputs(tmp_path: Path) -> None:
    np.save(tmp_path / "new.npy", np.ones((30, 5), np.int64))
    with pytest.raises(UserError, match=r"is one array, but the inputs are tokens, mask: np.savez"):
        read(tmp_path / "new.npy", TEXT)


@pytest.mark.parametrize("name", ["new.npz", "new.npy", "new.zip"])
@pytest.mark.parametrize("content", [b"", b"no archive at all", b"PK\x03\x04 and no more"])
def test_damaged_files_are_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as refused:
        read(tmp_path / name, PIXELS)
    assert str(tmp_path / name) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_truncated_array_is_one_line(tmp_path: Path) -> None:
    np.save(tmp_path / "new.npy", IMAGES)
    whole = (tmp_path / "new.npy").read_bytes()
    (tmp_path / "new.npy").write_bytes(whole[:-100])
    with pytest.raises(UserError, match="holds no array that can be read"):
        read(tmp_path / "new.npy", PIXELS)


@pytest.mark.parametrize(
    ("name", "inputs", "said"),
    [
        ("absent.npz", PIXELS, "absent.npz is not there"),
        ("notes.txt", PIXELS, "is neither .npz nor .npy nor a folder or zip of images"),
        ("folder", FEATURES, r"may be images, but the inputs are features float32 \(N, 3\)"),
        ("folder", PIXELS, r"folder has no images \(\.jpg"),
    ],
)
def test_what_is_no_new_data_is_said(
    tmp_path: Path, name: str, inputs: dict[str, Input], said: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=said):
        read(tmp_path / name, inputs)


def test_a_picture_that_can_t_be_read_is_named(tmp_path: Path) -> None:
    path = pictures(tmp_path / "new")
    (path / "a" / "7.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"a/7\.png can't be read: it is no image"):
        read(path, PIXELS)
