"""Arrays that were made once, as files that are memory-mapped: sets larger than memory are read so.

An entry is a folder: one file an array, and a manifest with their types, shapes and checksums. It
is made under another name and renamed, so what was cut off never looks finished; a damaged one is
made again. Entries may be removed at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from compbench.data import progress
from compbench.errors import UserError, first_line
from compbench.files import TEMPORARY, write_synced
from compbench.registry.fingerprint import Sources

FOLDER = ".compbench-cache"
_FORMAT = 1
_MANIFEST = "manifest.json"
_PART = 1 << 24  # bytes that have a checksum together
_FALLBACK: ContextVar[Path | None] = ContextVar("fallback", default=None)


@dataclass(frozen=True)
class ArrayFile:
    """An array in a file that is being written, row by row; several processes may write to it."""

    path: Path
    dtype: str
    shape: tuple[int, ...]

    @property
    def row_bytes(self) -> int:
        """The bytes of a sample."""
        return int(np.prod(self.shape[1:], dtype=np.int64)) * np.dtype(self.dtype).itemsize

    def write(self, start: int, rows: np.ndarray) -> None:
        """Put rows of the array's type in their place. Raises OSError where the disk is full."""
        content = np.ascontiguousarray(rows, self.dtype).data.cast("B")
        with self.path.open("r+b", buffering=0) as file:
            file.seek(start * self.row_bytes)
            while content:
                content = content[file.write(content) :]


@dataclass
class Writer:
    """What makes an entry writes its arrays with; `notes` are kept beside them, as JSON."""

    folder: Path
    notes: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, ArrayFile] = field(default_factory=dict)

    def create(self, name: str, dtype: str, shape: tuple[int, ...]) -> ArrayFile:
        """A new array, whose rows are written afterwards. Raises UserError without room for it."""
        file = ArrayFile(self.folder / f"{name}.bin", dtype, shape)
        needed, free = shape[0] * file.row_bytes, shutil.disk_usage(self.folder).free
        if needed > free:
            raise UserError(
                f"{self.folder.parent} has no room for {needed:,} bytes of decoded samples: "
                f"{free:,} are free"
            )
        file.path.touch()
        self.arrays[name] = file
        return file

    def put(self, name: str, array: np.ndarray) -> None:
        """A whole array at once."""
        self.create(name, array.dtype.name, array.shape).write(0, array)

    def keep(self, name: str, rows: np.ndarray) -> None:
        """Only these rows of an array, in rising order: the others close up."""
        file = self.arrays[name]
        for start in range(0, len(rows), 4096):
            part = rows[start : start + 4096]
            stored = np.memmap(file.path, file.dtype, "r", shape=file.shape)
            file.write(start, stored[part])
        os.truncate(file.path, len(rows) * file.row_bytes)
        self.arrays[name] = ArrayFile(file.path, file.dtype, (len(rows), *file.shape[1:]))


@dataclass(frozen=True)
class Entry:
    """What was kept: arrays on disk, memory-mapped and read-only, and the notes beside them."""

    arrays: Mapping[str, np.ndarray]
    notes: Mapping[str, Any]


@contextmanager
def fallback(folder: Path) -> Iterator[None]:
    """Within it, what can't be kept under the data folder is kept in this one."""
    token = _FALLBACK.set(folder)
    try:
        yield
    finally:
        _FALLBACK.reset(token)


def key_of(*parts: Any) -> str:
    """The key of what all of these decide: anything that JSON can tell."""
    return _digest(parts)


def entry(data_dir: Path, name: str, key: str, make: Callable[[Writer], None]) -> Entry:
    """What `make` writes, kept under the data folder; it is called where nothing is kept by `key`.

    `key` stands for all that decides the content; `name` is for people. Processes that want the
    same at once wait for the one that makes it. Raises UserError where no folder can be written.
    """
    label = f"{name}-{key[:24]}"
    places = _places(data_dir)
    for place in places:
        found = _read(place / label, key)
        if found is not None:
            return found
    place = _writable(places)
    with _alone(place, label):
        found = _read(place / label, key)
        return found if found is not None else _made(place, label, key, make)


def remembered(data_dir: Path, key: str, find: Callable[[], str]) -> str:
    """A text that takes long to find, kept by `key`; found anew where it can't be kept."""
    name = f"text-{key[:32]}.json"
    for place in _places(data_dir):
        with suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads((place / name).read_bytes())
            if kept["key"] == key and kept["sum"] == _digest(kept["text"]):
                return kept["text"]
    text = find()
    with suppress(OSError, UserError):
        place = _writable(_places(data_dir))
        kept = {"key": key, "text": text, "sum": _digest(text)}
        file, temporary = tempfile.mkstemp(prefix=TEMPORARY, dir=place)
        os.close(file)
        write_synced(Path(temporary), json.dumps(kept).encode())
        os.replace(temporary, place / name)
    return text


@lru_cache
def code(modules: tuple[str, ...]) -> dict[str, str]:
    """The digest of each of these modules alone, as a part of a key."""
    return {
        name: sum for name, sum in Sources().of(modules=modules).modules.items() if name in modules
    }


def _places(data_dir: Path) -> list[Path]:
    other = _FALLBACK.get()
    return [folder / FOLDER for folder in (data_dir, other) if folder is not None]


def _writable(places: Iterable[Path]) -> Path:
    """The first place in which a folder can be made."""
    problems = []
    for place in places:
        try:
            place.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=place):
                return place
        except OSError as error:
            problems.append(f"{place.parent} ({error.strerror})")
    raise UserError(
        f"decoded samples can't be kept in {' nor in '.join(problems)}: name a data folder that "
        "can be written with --data-dir or COMPBENCH_DATA"
    )


@contextmanager
def _alone(place: Path, label: str) -> Iterator[None]:
    """One process at a time makes an entry; a lock ends with its process, however that ends."""
    lock = FileLock(place / f"{label}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress.note(f"{label}: waiting for another process that reads the same")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _made(place: Path, label: str, key: str, make: Callable[[Writer], None]) -> Entry:
    """Called by one process at a time: all temporary folders of this entry are of killed ones."""
    prefix = f"{TEMPORARY}{label}-"
    for left in place.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)
    if (place / label).exists():
        progress.note(f"{place / label} is damaged: it is made again")
        os.replace(place / label, tempfile.mkdtemp(prefix=prefix, dir=place))
    temporary = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
    try:
        writer = Writer(temporary)
        make(writer)
        arrays = {name: _described(file) for name, file in writer.arrays.items()}
        body = {"format": _FORMAT, "key": key, "arrays": arrays, "notes": writer.notes}
        whole = {"sum": _digest(body), "body": body}
        write_synced(temporary / _MANIFEST, json.dumps(whole, indent=1).encode() + b"\n")
        temporary.chmod(0o755)  # others may read what one has decoded
        os.replace(temporary, place / label)
    except OSError as error:
        raise UserError(f"{place} can't be written: {first_line(error)}") from error
    finally:
        for left in place.glob(f"{prefix}*"):
            shutil.rmtree(left, ignore_errors=True)
    found = _read(place / label, key)
    if found is None:
        raise UserError(f"{place / label} is damaged as soon as it is written: check the disk")
    return found


def _described(file: ArrayFile) -> dict[str, Any]:
    """An array as the manifest has it; its file is on the disk afterwards."""
    with file.path.open("rb") as stream:
        os.fsync(stream.fileno())
    sums = list(_sums(file.path))
    return {"dtype": file.dtype, "shape": list(file.shape), "sums": sums}


def _sums(path: Path) -> Iterator[int]:
    """A checksum of each part of a file, read without mapping it into memory."""
    buffer = bytearray(_PART)
    view = memoryview(buffer)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            yield zlib.crc32(view[:count])


def _read(folder: Path, key: str) -> Entry | None:
    """An entry that is whole; None where it is absent or damaged."""
    try:
        whole = json.loads((folder / _MANIFEST).read_bytes())
        body = whole["body"]
        if whole["sum"] != _digest(body) or (body["format"], body["key"]) != (_FORMAT, key):
            return None
        arrays = {
            name: _mapped(folder / f"{name}.bin", kept) for name, kept in body["arrays"].items()
        }
        return Entry(arrays, body["notes"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _mapped(path: Path, kept: Mapping[str, Any]) -> np.ndarray:
    """Raises ValueError where the file is not as it was written."""
    array = np.memmap(path, kept["dtype"], "r", shape=tuple(kept["shape"]))
    if array.nbytes != path.stat().st_size or list(_sums(path)) != kept["sums"]:
        raise ValueError(f"{path} is damaged")
    return array


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
