"""Where a file that a suite names is: beside the suite file, or in the data folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from compbench.errors import UserError, nearest, one_line


def located(path: str, folders: Sequence[Path]) -> Path:
    """A file by its path below one of the folders, the first that has it; or by a whole path.

    Raises UserError where it is nowhere, with the nearest name that is there, and where a path of
    its own below a folder leads out of it, by ".." or through a link.
    """
    if Path(path).is_absolute():
        if Path(path).is_file():
            return Path(path)
        raise UserError(f"path = '{one_line(path)}': there is no such file")
    for folder in folders:
        place = folder / path
        if place.is_file():
            if not place.resolve().is_relative_to(folder.resolve()):
                raise UserError(
                    f"path = '{one_line(path)}' leads out of {folder}, to {place.resolve()}: give "
                    "that whole path if it is meant"
                )
            return place
    tried = " nor ".join(str(folder / path) for folder in folders)
    names = [
        str(found.relative_to(folder))
        for folder in folders
        for found in (folder / path).parent.glob("*")
        if found.is_file()
    ]
    hint = nearest(path, names) if names else ""
    hint = hint if "did you mean" in hint else ""
    neither = "neither " if len(folders) > 1 else "no "
    raise UserError(f"path = '{one_line(path)}': there is {neither}{tried}{hint}")
