"""Files written whole or not at all, their checksums, and whether a folder can be written."""

from __future__ import annotations

import errno
import filecmp
import hashlib
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from compbench.errors import UserError

TEMPORARY = ".tmp-"
PLACES = ("TMPDIR", "TEMP", "TMP")  # variables that say where temporary files go
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)  # fails everything that follows as well
_FULL_BYTES = 1 << 20


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
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"x")  # an empty one finds room on a full disk too
            file.flush()
    except OSError as error:
        raise UserError(
            f"{folder} can't be written: {error.strerror}; name another folder with {option}"
        ) from error


def refuse_no_temporary() -> None:
    """Raises UserError where there is no folder for temporary files.

    Also where the one that a variable names is no use: Python takes another without a word.
    """
    named = next((name for name in PLACES if os.environ.get(name)), None)
    if named:
        folder = Path(os.environ[named])
        if not folder.is_dir():
            raise UserError(f"{named} = {folder}: there is no such folder for temporary files")
        refuse_unwritable(folder, named)
    try:
        refuse_unwritable(Path(tempfile.gettempdir()), "TMPDIR")
    except FileNotFoundError as error:  # none of those that it knows
        raise UserError(
            "no folder for temporary files can be written: name one by TMPDIR"
        ) from error


def disk_error(error: OSError) -> str:
    """What the operating system refused, in a line, and where: the error may not say."""
    named = error.filename
    if named is None and error.errno in FULL_DISK:
        places = (Path(tempfile.gettempdir()), Path.cwd())
        full = [place for place in places if shutil.disk_usage(place).free < _FULL_BYTES]
        named = ", ".join(map(str, full))
    return f"{named or 'disk'}: {error.strerror}"


def refuse_full(folder: Path) -> None:
    """Raises OSError where a folder's disk is full: what was written there is cut off."""
    if shutil.disk_usage(folder).free < _FULL_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def is_another(known: Path, path: Path) -> bool:
    """Whether a file is neither one that is known nor a copy of it; not where one is missing."""
    if not (known.is_file() and path.is_file()) or known.samefile(path):
        return False
    return not filecmp.cmp(known, path, shallow=False)


def way(folder: Path, path: Path) -> str:
    """The way from a folder to the real file, the same wherever one is who goes it."""
    real = os.path.realpath(path)
    try:
        return os.path.relpath(real, os.path.realpath(folder))
    except ValueError:  # on another of Windows' drives
        return real


def at_end_of(folder: Path, way: str) -> Path:
    """Where such a way leads."""
    return Path(os.path.normpath(folder.resolve() / way))


def remove_whole(path: Path) -> None:
    """Remove a folder and all in it, or a file; of a link only itself."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path)


def folder_bytes(folder: Path) -> int:
    """The bytes of all files in a folder and below it; links count nothing."""
    size = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            size += 0 if path.is_symlink() or not path.is_file() else path.stat().st_size
    return size


def write_synced(path: Path, content: bytes) -> None:
    """Write a file and wait until the disk has it."""
    path.unlink(missing_ok=True)  # what a kill left, or a link to elsewhere
    try:
        with path.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        error.filename = error.filename or str(path)  # of a full disk the system names no file
        raise


def sha256(path: Path) -> str:
    """The checksum of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
