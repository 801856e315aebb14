"""A folder or a zip as named files that are read one by one. Nothing outside of it is ever read."""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from compbench.errors import UserError, first_line, shown

_CHUNK = 1 << 20
_IGNORED_FOLDERS = ("__MACOSX",)  # what a Mac's archiver adds
_ENCRYPTED = 0x1  # a flag of a zip's entry (APPNOTE.TXT 4.4.4)


class File(NamedTuple):
    """A file by its path below the root, with `/`; `stamp` changes where the content does."""

    name: str
    size: int
    stamp: int  # of a zip's entry its CRC-32, else the time of its last change in ns


@dataclass(frozen=True)
class Listing:
    """What a store holds: files and folders in order of names; hidden ones are only counted."""

    files: tuple[File, ...]
    folders: tuple[str, ...]
    hidden: int = 0


class Store(Protocol):
    """A folder or a zip."""

    path: Path

    def listing(self) -> Listing:
        """All files and folders. Raises UserError for a name that leads out of the store."""
        ...

    def read(self, file: File, most: int = -1) -> bytes:
        """A file's content, or its first bytes. Raises OSError or ValueError where damaged."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


def opened(path: Path) -> Store:
    """A folder, or a zip. Raises UserError where it is neither."""
    if path.is_dir():
        return Folder(path)
    if not path.is_file():
        raise UserError(f"{path} is neither a folder nor a file")
    return Zip(path)


class Folder:
    """Files below a folder. Links are followed where they stay in it."""

    def __init__(self, path: Path):
        self.path = path
        self._root = os.path.realpath(path)

    def listing(self) -> Listing:
        """See `Store`."""
        files: list[File] = []
        folders: list[str] = []
        hidden = 0
        left: list[tuple[str, tuple[str, ...]]] = [("", (self._root,))]
        while left:
            folder, above = left.pop()
            try:
                with os.scandir(os.path.join(self.path, folder)) as entries:
                    for entry in entries:
                        name = f"{folder}{entry.name}"
                        if _is_hidden(entry.name):
                            hidden += 1
                            continue
                        real = self._inside(name) if entry.is_symlink() else ""
                        if entry.is_dir():
                            real = real or os.path.join(above[-1], entry.name)
                            if real in above:
                                raise UserError(
                                    f"{self.path / name} is a link to a folder above it"
                                )
                            folders.append(name)
                            left.append((f"{name}/", (*above, real)))
                        elif entry.is_file():
                            told = entry.stat()
                            files.append(File(name, told.st_size, told.st_mtime_ns))
            except OSError as error:
                raise UserError(f"{self.path / folder} can't be read: {error.strerror}") from error
        return Listing(tuple(sorted(files)), tuple(sorted(folders)), hidden)

    def read(self, file: File, most: int = -1) -> bytes:
        """See `Store`."""
        with open(os.path.join(self.path, file.name), "rb") as stream:
            return stream.read(most)

    def close(self) -> None:
        """See `Store`."""

    def _inside(self, name: str) -> str:
        """Where a link leads. Raises UserError where that is out of the folder, or nowhere."""
        path = os.path.join(self.path, name)
        real = os.path.realpath(path)
        if not os.path.exists(real):
            raise UserError(f"{path} is a link to {real}, which is not there")
        if os.path.commonpath([real, self._root]) != self._root:
            raise UserError(
                f"{path} is a link out of the folder, to {real}: copy what it leads to, or name "
                "that folder"
            )
        return real


class Zip:
    """Files of a zip, read without unpacking it."""

    def __init__(self, path: Path):
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
            raise UserError(
                f"{path} should be a folder or a zip, and whole: {first_line(error)}"
            ) from error

    def listing(self) -> Listing:
        """See `Store`."""
        files: list[File] = []
        folders: set[str] = set()
        hidden = 0
        for info in self._zip.infolist():
            self._refuse_strange(info)
            parts = [part for part in info.filename.split("/") if part not in ("", ".")]
            if any(map(_is_hidden, parts)):
                hidden += not info.is_dir()
                continue
            whole = parts if info.is_dir() else parts[:-1]
            folder = "/".join(whole)
            while folder and folder not in folders:
                folders.add(folder)
                folder = folder.rpartition("/")[0]
            if not info.is_dir():
                files.append(File(info.filename, info.file_size, info.CRC))
        files.sort()
        return Listing(tuple(files), tuple(sorted(folders)), hidden)

    def read(self, file: File, most: int = -1) -> bytes:
        """See `Store`."""
        try:
            with self._zip.open(file.name) as stream:
                return stream.read(most)
        except (zipfile.BadZipFile, NotImplementedError, zlib.error, RuntimeError) as error:
            raise ValueError(first_line(error)) from error

    def close(self) -> None:
        """See `Store`."""
        self._zip.close()

    def _refuse_strange(self, info: zipfile.ZipInfo) -> None:
        """Raises UserError for an entry that a careless reader would write or read elsewhere."""
        name = info.filename
        problem = ""
        if name.startswith("/") or (".." in name and ".." in name.split("/")) or name[1:2] == ":":
            problem = "leads out of the zip"
        elif "\\" in name:
            problem = "has backslashes, which are names on some systems and folders on others"
        elif stat.S_ISLNK(info.external_attr >> 16):
            problem = "is a link"
        elif info.flag_bits & _ENCRYPTED:
            problem = "is encrypted"
        if problem:
            raise UserError(f"{self.path}: the entry {shown(name)} {problem}")


def content_sum(store: Store, file: File) -> int:
    """CRC-32 of a file, as a zip's directory has it."""
    if isinstance(store, Zip):
        return file.stamp
    found = 0
    with open(store.path / file.name, "rb") as stream:
        while part := stream.read(_CHUNK):
            found = zlib.crc32(part, found)
    return found


def listing_digest(path: Path, listing: Listing) -> str:
    """What changes where anything in a listing does."""
    digest = hashlib.sha256(os.path.realpath(path).encode("utf-8", "surrogateescape"))
    for line in _lines(listing):
        digest.update(line)
    return digest.hexdigest()


def _lines(listing: Listing) -> Iterator[bytes]:
    for name in listing.folders:
        yield f"{name}/\n".encode("utf-8", "surrogateescape")
    for file in listing.files:
        yield f"{file.name}\0{file.size}\0{file.stamp}\n".encode("utf-8", "surrogateescape")


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in _IGNORED_FOLDERS
