"""`compbench clean`: artifacts that no run needs any more, listed and then removed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from compbench.cli.options import RESULTS, Results

if TYPE_CHECKING:
    from compbench.make.store import Store

_TRAINING = "an unfinished training"


def clean(
    older_than: Annotated[
        str | None,
        typer.Option(help="30d: also what only older runs need, but each suite's newest"),
    ] = None,
    delete: Annotated[
        bool, typer.Option("--delete", help="remove it; without this it is only listed")
    ] = False,
    results: Results = RESULTS,
) -> None:
    """List the artifacts that no run needs, or remove them; runs and reports stay.

    What is removed is made again where a suite asks for it. Baselines have files of their own.
    """
    from compbench.make.store import Store

    since = _since(older_than)
    store = Store(results)
    if delete and store.root.is_dir():
        with store.lock():
            unneeded = _unneeded(store, results, since)
            told = _told(unneeded, "removed")
            for folder in unneeded:
                store.remove(folder)
        print(told)
    else:
        unneeded = _unneeded(store, results, since)
        print(_told(unneeded, "to remove"))
        if unneeded:
            print("nothing is removed yet: add --delete")


def _since(older_than: str | None) -> str:
    """The moment so long ago, in ISO 8601; the beginning of time where there is none."""
    from compbench.errors import UserError
    from compbench.units import parse_age

    if older_than is None:
        return ""
    try:
        return (datetime.now(UTC) - parse_age(older_than)).isoformat()
    except ValueError as error:
        raise UserError(f"--older-than: {error}") from None


def _unneeded(store: Store, results: Path, since: str) -> dict[Path, str]:
    """Folder -> what it is."""
    from compbench.results.needed import needed_keys

    needed = needed_keys(results, since)
    of_artifacts = {store.root / m.key: f"{m.variant}/{m.seed}" for m in store.manifests()}
    of_trainings = dict.fromkeys(store.trainings(), _TRAINING)
    return {f: what for f, what in (of_artifacts | of_trainings).items() if f.name not in needed}


def _told(unneeded: dict[Path, str], done: str) -> str:
    from tabulate import tabulate

    from compbench.files import folder_bytes
    from compbench.units import bytes_text, counted

    sizes = {folder: folder_bytes(folder) for folder in unneeded}
    rows = [
        {"of": what, "size": bytes_text(sizes[folder]), "folder": str(folder)}
        for folder, what in unneeded.items()
    ]
    table = f"{tabulate(rows, headers='keys', disable_numparse=True)}\n" if rows else ""
    total = bytes_text(sum(sizes.values()))
    return f"{table}{done}: {counted(len(rows), 'folder')} that no run needs, {total}"
