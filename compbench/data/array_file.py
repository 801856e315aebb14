"""Arrays that a user gives as `.npy` or `.npz`: read from the disk as they are needed."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from numpy.lib import format as npy
from numpy.typing import NDArray

from compbench.errors import UserError, first_line, nearest

NPY, NPZ = ".npy", ".npz"
_CHUNK = 1 << 20


def mapped(path: Path, names: Iterable[str], folder: Path) -> dict[str, NDArray[Any]]:
    """The arrays of these names, memory-mapped; of an `.npz` they are unpacked into the folder.

    An `.npy` has no names: it is the only one that is asked for. Raises UserError where one is
    absent, with the nearest that is there, or is no array that can be read.
    """
    names = [*names]
    if path.suffix.lower() == NPY:
        if len(names) > 1:
            raise UserError(
                f"{path} is one array, but the inputs are {', '.join(names)}: "
                f"np.savez({path.with_suffix(NPZ).name!r}, {names[0]}=..., ...)"
            )
        return {names[0]: _mapped(path, path)}
    unpacked = _unpacked(path, names, folder)
    return {name: _mapped(unpacked[name], path) for name in names}


def names_in(path: Path) -> tuple[str, ...]:
    """What the arrays of an `.npz` are called; none for an `.npy`. Raises UserError."""
    if path.suffix.lower() == NPY:
        return ()
    try:
        with zipfile.ZipFile(path) as archive:
            found = archive.namelist()
    except (zipfile.BadZipFile, OSError) as error:
        raise UserError(f"{path} can't be read: {first_line(error)}") from error
    return tuple(name.removesuffix(NPY) for name in found if name.endswith(NPY))


def _unpacked(path: Path, names: Iterable[str], folder: Path) -> dict[str, Path]:
    known = names_in(path)
    absent = [name for name in names if name not in known]
    if absent:
        raise UserError(f"{path} has no array '{absent[0]}'{nearest(absent[0], known)}")
    places = {name: folder / f"{number}{NPY}" for number, name in enumerate(names)}
    try:
        with zipfile.ZipFile(path) as archive:
            for name, place in places.items():
                with archive.open(f"{name}{NPY}") as source, place.open("wb") as copy:
                    while content := source.read(_CHUNK):
                        copy.write(content)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise UserError(f"{path} can't be read: {first_line(error)}") from error
    return places


def _mapped(file: Path, path: Path) -> NDArray[Any]:
    try:
        return npy.open_memmap(file, mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path} holds no array that can be read: {first_line(error)}") from error
