"""Where a file or folder that a suite names is: beside the suite file, or in the data folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from compbench.errors import UserError, nearest, one_line


def located(path: str, folders: Sequence[Path], option: str = "path") -> Path:
    """An absolute path, or one below the one of the folders that has it; `option` names it.

    Raises UserError where it is nowhere, with the nearest name that is there; where two folders
    have it; and where it stands below a folder but a link leads out of them all.
    """
    given = Path(path).expanduser()
    places = list(dict.fromkeys(folder / given for folder in folders))  # an absolute one is one
    found = {place.resolve(): place for place in places if place.exists()}
    if len(found) > 1:
        one, other = list(found.values())[:2]
        raise UserError(
            f"{option} = '{one_line(path)}' is both {one} and {other}: give the whole path of one"
        )
    if found:
        ((place, named),) = found.items()
        if not given.is_absolute() and _is_led_out(named, place, folders):
            raise UserError(
                f"{option} = '{one_line(path)}' leads out of {named.parent} by a link, to {place}: "
                "give that whole path if it is meant"
            )
        return named
    hint = next((hint for hint in (_hint(folder, path) for folder in folders) if hint), "")
    where = " nor ".join(map(str, places))
    where = f"neither {where}" if len(places) > 1 else f"no {where}"
    raise UserError(f"{option} = '{one_line(path)}': there is {where}{hint}")


def _is_led_out(named: Path, place: Path, folders: Sequence[Path]) -> bool:
    """Whether a path is below a folder as it is written, but lies in none of them."""
    written = Path(os.path.normpath(named))
    is_below = any(written.is_relative_to(os.path.normpath(folder)) for folder in folders)
    return is_below and not any(place.is_relative_to(folder.resolve()) for folder in folders)


def _hint(folder: Path, path: str) -> str:
    """The nearest name in the last folder of the path that exists."""
    place = folder
    for part in Path(path).parts:
        if not (place / part).exists():
            names = [found.name for found in place.iterdir()] if place.is_dir() else []
            said = nearest(part, [name for name in names if not name.startswith(".")])
            return said if "did you mean" in said else ""
        place = place / part
    return ""
