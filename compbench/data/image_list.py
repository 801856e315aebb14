"""Images without classes, in a folder or a zip -> pixels, decoded once into a file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from compbench.data import natural_order, pixels, stores, workers
from compbench.data.cache import ArrayFile
from compbench.data.image_files import SUFFIXES
from compbench.data.stores import File, Store
from compbench.errors import UserError, one_line


class Images(NamedTuple):
    """Pixels uint8 (N, C, H, W), memory-mapped, and the name of each image's file."""

    pixels: np.ndarray
    names: tuple[str, ...]


def decoded(path: Path, shape: tuple[int, int, int], folder: Path) -> Images:
    """All images at any depth, in natural order, as `image_folder` decodes them to (C, H, W).

    Raises UserError where there is none, or one can't be read.
    """
    files = _images(path)
    array = ArrayFile(folder / "pixels.bin", "uint8", (len(files), *shape))
    array.path.touch()
    for problems in workers.spread(partial(_written, array), path, files, f"decoding {path.name}"):
        for problem in problems:
            raise UserError(f"{path}: {problem}")
    return Images(
        np.memmap(array.path, array.dtype, "r", shape=array.shape),
        tuple(file.name for file in files),
    )


def _images(path: Path) -> list[File]:
    with closing(stores.opened(path)) as store:
        listed = store.listing().files
    found = [file for file in listed if Path(file.name).suffix.lower() in SUFFIXES]
    if not found:
        raise UserError(f"{path} has no images ({', '.join(SUFFIXES)})")
    return sorted(found, key=lambda file: natural_order.key(file.name))


def _written(array: ArrayFile, store: Store, start: int, files: Sequence[File]) -> list[str]:
    """Put the pixels of some images in their place; what is wrong with the first odd one."""
    rows = np.zeros((len(files), *array.shape[1:]), np.uint8)
    channels, height, width = array.shape[1:]
    for row, file in enumerate(files):
        try:
            if file.size > pixels.MOST_BYTES:
                raise pixels.Unfit(f"it has {file.size:,} bytes")
            rows[row] = pixels.decoded(store.read(file), channels, height, width)
        except (OSError, ValueError, pixels.Unfit) as error:
            return [f"{file.name} can't be read: {one_line(str(error))}"]
    array.write(start, rows)
    return []
