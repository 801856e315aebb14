"""Which code outside of compbench a suite file names, found without running any."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from compbench.errors import UserError
from compbench.registry import import_path, registry
from compbench.registry.recorded import texts
from compbench.suite import read


@dataclass(frozen=True)
class Import:
    """An import path in a suite file, the key that has it, and where the module's code lies."""

    key: str
    path: str
    place: str  # empty where there is no such module


def imports(suite: Path) -> list[Import]:
    """Each import path that a suite file has for a value, whatever its key is.

    Raises UserError where the file is no TOML.
    """
    try:
        tables = read.tables(suite)
    except UserError as error:
        raise UserError(f"{suite}: {error}") from error
    with import_path.beside(suite):
        found = [(key, text) for key, text in texts(tables) if registry.is_import_path(text)]
        return [Import(key, text, import_path.place(text.partition(":")[0])) for key, text in found]
