"""CIFAR: pickles that torchvision checks and reads, kept as arrays in the cache."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from compbench.contracts import Samples
from compbench.data import cache
from compbench.data.download import download
from compbench.data.torchvision import torchvision
from compbench.errors import UserError

_PART = 4096  # images that are turned together


def fingerprint(data_dir: Path, folder: str, files: tuple[str, ...]) -> str | None:
    """A digest of the files' bytes; None where none of them is there. Raises UserError."""
    paths = [data_dir / folder / file for file in files]
    if not any(path.is_file() for path in paths):
        return None
    digest = hashlib.sha256()
    for path in paths:
        if not path.is_file():
            raise UserError(f"{path} is missing; put it there, or remove the folder to download it")
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def load(data_dir: Path, name: str, folder: str, files: tuple[str, ...]) -> Samples:
    """All samples; downloads where `fingerprint` finds nothing.

    Pixels uint8 (N, 3, 32, 32) are memory-mapped. A pickle is only loaded where its checksum is the
    one that torchvision has of it. Raises UserError where one is damaged.
    """
    content = fingerprint(data_dir, folder, files)
    if content is None:
        download(
            data_dir,
            folder,
            f"{', '.join(files)} into its {folder}",
            lambda place: getattr(torchvision("datasets"), name)(place, download=True),
        )
        content = fingerprint(data_dir, folder, files)
    key = cache.key_of(name, content, cache.code((__name__,)))
    found = cache.entry(data_dir, name.lower(), key, partial(_make, data_dir, name, folder))
    arrays = found.arrays
    return Samples.of_images(
        arrays["train_pixels"],
        arrays["train_labels"],
        arrays["test_pixels"],
        arrays["test_labels"],
        class_names=tuple(found.notes["class_names"]),
    )


def _make(data_dir: Path, name: str, folder: str, writer: cache.Writer) -> None:
    kind = getattr(torchvision("datasets"), name)
    for file, md5 in (*kind.train_list, *kind.test_list, (kind.meta["filename"], kind.meta["md5"])):
        _refuse_damaged(data_dir / folder / file, md5)
    for split in ("train", "test"):
        dataset: Any = kind(data_dir, train=split == "train")
        pixels = dataset.data  # uint8 (N, H, W, C)
        count, height, width, channels = pixels.shape
        file = writer.create(f"{split}_pixels", "uint8", (count, channels, height, width))
        for start in range(0, count, _PART):
            file.write(start, np.moveaxis(pixels[start : start + _PART], 3, 1))
        writer.put(f"{split}_labels", np.array(dataset.targets, np.int64))
        writer.notes["class_names"] = list(dataset.classes)


def _refuse_damaged(path: Path, md5: str) -> None:
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "md5").hexdigest()
    if found != md5:
        raise UserError(
            f"{path} is damaged: its MD5 is {found}, which should be {md5}; remove the folder to "
            "download it"
        )
