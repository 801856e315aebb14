"""Where a dataset's `path` is: beside the suite file that names it, or under the data folder."""

from __future__ import annotations

from pathlib import Path

from compbench.errors import UserError, nearest, one_line
from compbench.registry import import_path


def suite_folder() -> str | None:
    """The folder of the suite file that is being read."""
    return import_path.folder()


def located(path: str, data_dir: Path, beside: str | None = None, option: str = "path") -> Path:
    """A file or folder that an option names: an absolute path, or one below one of two folders.

    `beside` is the suite's. Raises UserError where it is not there, with the nearest that is, or
    where it is in both.
    """
    folders = [*([Path(beside)] if beside else []), data_dir]
    places = list(
        dict.fromkeys(folder / Path(path).expanduser() for folder in folders)
    )  # an absolute one is one
    found = {place.resolve(): place for place in places if place.exists()}
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        one, other = found.values()
        raise UserError(
            f"{option} = '{path}' is both {one} and {other}: give the whole path of one"
        )
    hint = next((hint for hint in (_hint(folder, path) for folder in folders) if hint), "")
    where = " nor ".join(map(str, places))
    where = f"neither {where}" if len(places) > 1 else f"no {where}"
    raise UserError(f"{option} = '{one_line(path)}': there is {where}{hint}")


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
