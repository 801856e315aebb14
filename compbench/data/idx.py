"""MNIST-like datasets: four IDX files, found under the data folder or downloaded by torchvision."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from compbench.contracts import Samples
from compbench.data.download import download
from compbench.data.torchvision import torchvision
from compbench.errors import UserError

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def fingerprint(data_dir: Path, name: str, files: Sequence[str] = FILES) -> str | None:
    """A digest of the four files' bytes; None where none of them is there.

    Raises UserError where one is missing, cut short or not an IDX file of unsigned bytes.
    """
    folder = data_dir / name / "raw"
    if not any((folder / file).is_file() for file in files):
        return None
    digest = hashlib.sha256()
    for file in files:
        path = folder / file
        _header(path)
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def load(data_dir: Path, name: str) -> Samples:
    """All samples; downloads where `fingerprint` finds nothing."""
    fetch(data_dir, name)
    dataset = getattr(torchvision("datasets"), name)
    train, test = dataset(data_dir, train=True), dataset(data_dir, train=False)
    return Samples.of_images(*_arrays(train), *_arrays(test))


def fetch(data_dir: Path, name: str, files: Sequence[str] = FILES, **options: Any) -> None:
    """Download where `fingerprint` finds nothing; torchvision's dataset takes the options."""
    if fingerprint(data_dir, name, files) is not None:
        return
    wanted = f"{', '.join(files)} into its {name}/raw"
    download(
        data_dir,
        name,
        wanted,
        lambda folder: getattr(torchvision("datasets"), name)(folder, download=True, **options),
    )
    fingerprint(data_dir, name, files)


def mapped(data_dir: Path, name: str, file: str) -> np.ndarray:
    """The array of an IDX file of unsigned bytes, memory-mapped."""
    path = data_dir / name / "raw" / file
    shape = _header(path)
    return np.memmap(path, np.uint8, "r", 4 + 4 * len(shape), shape)


def _arrays(dataset: Any) -> tuple[np.ndarray, np.ndarray]:
    return dataset.data.numpy()[:, None], dataset.targets.numpy().astype(np.int64)


def _header(path: Path) -> tuple[int, ...]:
    """The lengths of an IDX file's axes.

    It begins with two zeros, 8 (unsigned bytes), the count of axes and their lengths; then there
    are that many bytes. Raises UserError where it is not so.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing; put it there, or remove the folder to download it")
    axes = 3 if "idx3" in path.name else 1
    header_bytes = 4 + 4 * axes
    with path.open("rb") as stream:
        header = stream.read(header_bytes)
    if len(header) < header_bytes or header[:4] != bytes((0, 0, 8, axes)):
        raise UserError(f"{path} is damaged: it does not begin as an IDX file of {axes} axes")
    shape = struct.unpack(f">{axes}I", header[4:])
    wanted = header_bytes + int(np.prod(shape, dtype=np.int64))
    size = path.stat().st_size
    if size != wanted:
        raise UserError(f"{path} is damaged: its header promises {wanted:,} bytes, it has {size:,}")
    return shape
