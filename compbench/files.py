"""Files written whole or not at all, their checksums, and whether a folder can be written."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from compbench.errors import UserError

TEMPORARY = ".tmp-"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name and rename it: a reader sees all of it or none."""
    temporary = path.with_name(f"{TEMPORARY}{path.name}")
    try:
        write_synced(temporary, content)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def is_temporary(path: Path) -> bool:
    """Whether it is a file that is being written, or was when a process was killed."""
    return path.name.startswith(TEMPORARY)


def is_own_file(path: Path) -> bool:
    """Whether it is a whole file that lies where it seems to: no link, no folder."""
    return path.is_file() and not path.is_symlink() and not is_temporary(path)


def read_own(path: Path) -> bytes:
    """A file's content. Raises ValueError where it is a link or a folder: nobody wrote it so."""
    if path.is_symlink():
        raise ValueError("it is a link to elsewhere")
    if path.is_dir():
        raise ValueError("it is a folder")
    return path.read_bytes()


def refuse_unwritable(folder: Path, option: str) -> None:
    """Raises UserError where nothing can be written into a folder, or it can't be made."""
    path = folder.absolute()
    existing = next(place for place in (path, *path.parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise UserError(
            f"{folder} can't be written: {error.strerror}; name another folder with {option}"
        ) from error


def write_synced(path: Path, content: bytes) -> None:
    """Write a file and wait until the disk has it."""
    path.unlink(missing_ok=True)  # what a kill left, or a link to elsewhere
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sha256(path: Path) -> str:
    """The checksum of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
