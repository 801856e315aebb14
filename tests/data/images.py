"""Folders and zips of small images, as tests want them."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image


def png(
    seed: int = 0,
    size: tuple[int, int] = (8, 8),
    mode: str = "RGB",
    kind: str = "PNG",
    **more: object,
) -> bytes:
    """An image file of noise, of so many rows and columns."""
    shape = size if mode == "L" else (*size, len(mode))
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **more)
    return stream.getvalue()


def by_split(
    classes: int = 2, train: int = 6, test: int = 3, mode: str = "RGB"
) -> dict[str, bytes]:
    """Name -> content, by split and class."""
    return {
        f"{split}/{name}/{index}.png": png(100 * name + 10 * index + len(split), mode=mode)
        for split, count in (("train", train), ("test", test))
        for name in range(classes)
        for index in range(count)
    }


def folder(path: Path, files: Mapping[str, bytes]) -> Path:
    """Files below a folder; a name that ends with / is an empty folder."""
    for name, content in files.items():
        place = path / name
        if name.endswith("/"):
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return path


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    """The same in a zip."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as made:
        for name, content in files.items():
            made.writestr(name, content)
    return path


def aged(path: Path) -> Path:
    """As if nothing was changed for an hour."""
    for one in [path, *path.rglob("*")]:
        told = one.stat()
        os.utime(one, ns=(told.st_atime_ns, told.st_mtime_ns - 3_600_000_000_000))
    return path


KINDS = {
    "folder": lambda path, files: folder(path / "set", files),
    "zip": lambda path, files: zipped(path / "set.zip", files),
}
