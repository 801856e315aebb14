"""Code that a run or a baseline names: what is installed, or what its suite file here names too.

A record is data, which may come from anywhere: to read it must run nothing that came with it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from compbench.errors import UserError
from compbench.registry import import_path


@contextmanager
def recorded(name: str, suite_file: Path | None, said: Iterable[str] = ()) -> Iterator[None]:
    """Within it, a plugin of any kind that a record names is found, and made.

    By an import path it is looked for beside the suite file only where that file, or code that it
    names (which `said` so), names it too; else among installed packages alone. Raises UserError
    that says so.
    """
    here = suite_file if suite_file is not None and suite_file.is_file() else None
    is_meant = ":" not in name or (here is not None and name in {*said, *_named(here)})
    beside = suite_file if is_meant else None
    try:
        with import_path.beside(beside) if beside else import_path.installed_only():
            yield
    except UserError as error:
        if is_meant or not isinstance(error.__cause__, ModuleNotFoundError):
            raise
        why = f"{suite_file} {'does not name it' if here else 'is not here'}"
        raise UserError(
            f"{error}; of what a run or a baseline names, only what is installed or its suite file "
            f"names too is imported, and {why if suite_file else 'it has none here'}"
        ) from error


def texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a suite file's tables, with its key."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from texts(inner, f"{key}.{name}".removeprefix("."))
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner, key)
    elif isinstance(value, str):
        yield key, value


def _named(suite_file: Path) -> set[str]:
    """All texts of a suite file; none of one that can't be read."""
    try:
        tables = tomllib.loads(suite_file.read_text(encoding="utf-8-sig"))
        return {text for _, text in texts(tables)}
    except (OSError, ValueError, RecursionError):
        return set()
