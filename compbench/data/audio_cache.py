"""Sounds of a folder or zip -> an array in the cache, decoded once by several processes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from compbench.data import audio, audio_files, cache, content, progress, stores, workers
from compbench.data.stores import File, Store
from compbench.errors import UserError
from compbench.registry import registry

_CODE = (audio.__name__, audio_files.__name__, __name__)  # what decides samples and their order
_NAME = "waveforms"


class Wanted(NamedTuple):
    """How sounds are to be decoded: a rate of None is that of all files."""

    seconds: float
    rate: int | None = None  # samples a second
    resample: bool = False


class Decoded(NamedTuple):
    """All sounds int16 or float32 (N, samples), memory-mapped; samples a second; their key."""

    waveforms: np.ndarray
    rate: int
    key: str


def fingerprint(path: Path, data_dir: Path) -> str:
    """A digest of the names and contents of all sounds."""
    return content.fingerprint(path, data_dir, _CODE, partial(_content, path))


def decoded(path: Path, data_dir: Path, files: Sequence[File], wanted: Wanted) -> Decoded:
    """These sounds of a folder or zip, from the cache where they are there.

    Raises UserError with the first file that can't be read, or has another rate.
    """
    names = [file.name for file in files]
    versions = registry.versions(("scipy",))
    key = cache.key_of(fingerprint(path, data_dir), names, wanted, cache.code(_CODE), versions)
    entry = cache.entry(data_dir, "sounds", key, partial(_make, path, files, wanted))
    if entry.notes["cut"]:
        progress.note(
            f"{path.name}: {entry.notes['cut']:,} of {len(files):,} sounds are longer than "
            f"{wanted.seconds:g} s: they are cut"
        )
    return Decoded(entry.arrays[_NAME], entry.notes["rate"], key)


def _content(path: Path) -> str:
    with closing(stores.opened(path)) as store:
        digest = hashlib.sha256()
        for file in store.listing().files:
            if file.name.lower().endswith(audio_files.SUFFIXES):
                told = f"{file.name}\0{file.size}\0{stores.content_sum(store, file)}\n"
                digest.update(told.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


def _make(path: Path, files: Sequence[File], wanted: Wanted, writer: cache.Writer) -> None:
    with closing(stores.opened(path)) as store:
        rate = wanted.rate or _decoded(store, files[0])[1]
    shape = len(files), round(wanted.seconds * rate)
    for dtype in ("int16", "float32"):  # half the memory where all files have 16 bits at most
        array, cut = writer.create(_NAME, dtype, shape), 0
        task = partial(_part_decoded, array, rate, wanted)
        for part in workers.spread(task, path, files, f"decoding {path.name}"):
            if part is None:
                break
            cut += part
        else:
            break
    writer.notes |= {"rate": rate, "cut": cut}


def _part_decoded(
    array: cache.ArrayFile,
    rate: int,
    wanted: Wanted,
    store: Store,
    start: int,
    files: Sequence[File],
) -> int | None:
    """Write some sounds into the array's file; how many were cut, None where it can't hold them."""
    found = []
    for file in files:
        samples, own = _decoded(store, file)
        if own != rate and not wanted.resample:
            raise UserError(
                f"{store.path}/{file.name} has {own:,} samples a second, "
                f"{'not the option rate =' if wanted.rate else 'others'} {rate:,}: "
                f"rate = {rate} and resample = true make them alike"
            )
        found.append(audio.at_rate(samples, own, rate))
    dtype = np.dtype(array.dtype)
    if dtype == np.int16 and any(one.dtype != np.int16 for one in found):
        return None
    array.write(start, audio.stacked(found, array.shape[1], dtype))
    return sum(len(one) > array.shape[1] for one in found)


def _decoded(store: Store, file: File) -> tuple[np.ndarray, int]:
    try:
        return audio.decoded(store.read(file))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{store.path}/{file.name} is no WAV file that can be read: {error}"
        ) from error
