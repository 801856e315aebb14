"""MNIST-like datasets: four IDX files, found under the data folder or downloaded by torchvision."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from compbench.contracts import Samples
from compbench.data.torchvision import torchvision
from compbench.errors import UserError, first_line

_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def fingerprint(data_dir: Path, name: str) -> str | None:
    """A digest of the four files' bytes; None where none of them is there.

    Raises UserError where one is missing, cut short or not an IDX file of unsigned bytes.
    """
    folder = data_dir / name / "raw"
    if not any((folder / file).is_file() for file in _FILES):
        return None
    digest = hashlib.sha256()
    for file in _FILES:
        path = folder / file
        _check(path)
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def load(data_dir: Path, name: str) -> Samples:
    """All samples; downloads where `fingerprint` finds nothing."""
    if fingerprint(data_dir, name) is None:
        _download(data_dir, name)
        fingerprint(data_dir, name)
    dataset = getattr(torchvision("datasets"), name)
    train, test = dataset(data_dir, train=True), dataset(data_dir, train=False)
    return Samples.of_images(*_arrays(train), *_arrays(test))


def _arrays(dataset: Any) -> tuple[np.ndarray, np.ndarray]:
    return dataset.data.numpy()[:, None], dataset.targets.numpy().astype(np.int64)


def _check(path: Path) -> None:
    """An IDX file: two zeros, type 8 (unsigned byte), axes, their lengths; then that many bytes."""
    if not path.is_file():
        raise UserError(f"{path} is missing; put it there, or remove the folder to download it")
    axes = 3 if "idx3" in path.name else 1
    header_bytes = 4 + 4 * axes
    with path.open("rb") as stream:
        header = stream.read(header_bytes)
    if len(header) < header_bytes or header[:4] != bytes((0, 0, 8, axes)):
        raise UserError(f"{path} is damaged: it does not begin as an IDX file of {axes} axes")
    wanted = header_bytes + int(np.prod(struct.unpack(f">{axes}I", header[4:]), dtype=np.int64))
    size = path.stat().st_size
    if size != wanted:
        raise UserError(f"{path} is damaged: its header promises {wanted:,} bytes, it has {size:,}")


def _download(data_dir: Path, name: str) -> None:
    """Into a temporary folder first, so that a broken download never looks like a dataset."""
    was_there = data_dir.exists()
    data_dir.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=data_dir))
    try:
        getattr(torchvision("datasets"), name)(temporary, download=True)
        shutil.rmtree(data_dir / name, ignore_errors=True)
        os.replace(temporary / name, data_dir / name)
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"{name} is not under {data_dir} and could not be downloaded ({first_line(error)}); "
            f"put {', '.join(_FILES)} into {data_dir / name / 'raw'}, "
            "or name another folder with --data-dir or COMPBENCH_DATA"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if not was_there and not any(data_dir.iterdir()):
            data_dir.rmdir()
