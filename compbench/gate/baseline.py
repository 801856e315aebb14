"""A baseline: a folder with the files and rows that later candidates are compared with.

`baseline.json`, `<variant>.onnx` and `rows/baseline.jsonl`: small enough to be committed, or put in
a bucket or a CI cache. It is written whole or not at all, and verified when it is read.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from compbench import seal
from compbench.errors import UserError, explain, nearest, one_line
from compbench.files import refuse_unwritable, sha256, write_whole
from compbench.gate.snapshot import FORMAT, SEALED, Record, Snapshot, of_files, of_run
from compbench.results.find import find_run
from compbench.results.folder import read_rows, write_rows
from compbench.results.record import ROWS, RUN

RECORD = "baseline.json"
PREVIOUS = ".previous"
_ROWS_NAME = "baseline"
_ROWS_FILE = Path(ROWS, f"{_ROWS_NAME}.jsonl")
_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Places:
    """Where baselines are, and the results (artifacts and runs) that they are saved from."""

    baselines: Path = Path("baselines")
    results: Path = Path("results")


def save(source: str, name: str, places: Places) -> Path:
    """Make a new baseline of a run, or of another baseline; its folder.

    Raises UserError where there is one already.
    """
    folder = _place(name, places)
    try:
        found = find_run(places.results, source)
    except UserError:  # a baseline, or nothing: reading it says so
        found = _of_a_suite(source, places)
    if folder.exists():
        raise UserError(
            f"{folder} is there already; `compbench baseline promote {source} {name}` replaces it "
            f"and keeps it as {name}{PREVIOUS}"
        )
    return write(of_run(found, places.results) if isinstance(found, Path) else found, folder)


def promote(source: str, name: str, places: Places) -> Path:
    """Make a run, or another baseline, the baseline `name`; the old one becomes `.previous`.

    Raises UserError where there is no such baseline, with the nearest there is.
    """
    folder = _place(name, places)
    if not folder.exists():
        known = [each.name for each in _folders(places.baselines)]
        raise UserError(
            f"there is no baseline '{name}' under {places.baselines}{nearest(name, known)}; a new "
            f"one is made by: compbench baseline save {source} --name {name}"
        )
    found = _of_a_suite(source, places)
    if folder.resolve() in (path.parent.resolve() for path in found.files.values()):
        raise UserError(f"{source} is the baseline '{name}' already")
    return write(found, folder)


def _of_a_suite(source: str, places: Places) -> Snapshot:
    found = read(source, places)
    if not found.record.suite:
        raise UserError(f"{source} has bare files only; a baseline is made of a run or a baseline")
    return found


def write(found: Snapshot, folder: Path) -> Path:
    """Write a baseline whole or not at all; what was there becomes `<name>.previous`."""
    refuse_unwritable(folder.parent, "--baselines")
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.parent / f".tmp-{folder.name}-{os.getpid()}"
    try:
        temporary.mkdir()
        for name, path in found.files.items():
            shutil.copyfile(path, temporary / found.record.variants[name].file)
        write_rows(temporary, _ROWS_NAME, found.rows)
        checked = {"format": FORMAT, "rows_sha256": sha256(temporary / _ROWS_FILE)}
        record = found.record.model_copy(update=checked)
        write_whole(temporary / RECORD, seal.json_text(record.model_dump(mode="json")))
        load(temporary)  # a file that was damaged while it was copied is no baseline
        _replace(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return folder


def load(folder: Path) -> Snapshot:
    """Read a baseline. Raises UserError where a file is missing or not the one that was saved."""
    path = folder / RECORD
    try:
        record = Record(**seal.read_object(path, sealed_since=SEALED, newest=FORMAT))
    except FileNotFoundError:
        raise UserError(f"{folder} is not a baseline: it has no {RECORD}") from None
    except ValidationError as error:
        known = Record.model_fields
        raise UserError(f"{path} is damaged: {explain(error, 'it', known)}") from error
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} is damaged: {one_line(str(error), 160)}") from error
    sums = {entry.file: entry.sha256 for entry in record.variants.values()}
    for name, wanted in {**sums, str(_ROWS_FILE): record.rows_sha256}.items():
        _verify(folder, name, wanted)
    files = {name: folder / entry.file for name, entry in record.variants.items()}
    return Snapshot(str(folder), record, files, tuple(read_rows(folder)))


def find(name: str, baselines: Path) -> Path:
    """A baseline by its folder or its name. Raises UserError with the nearest name."""
    for folder in (Path(name), baselines / name):
        if (folder / RECORD).is_file():
            return folder
    known = [folder.name for folder in _folders(baselines)]
    hint = nearest(name, known) or "; save one with: compbench baseline save RUN"
    raise UserError(f"there is no baseline '{name}' under {baselines}{hint}")


def read(name: str, places: Places) -> Snapshot:
    """A baseline (folder or name), a folder of ONNX files, or a run (as `find_run` finds it).

    Raises UserError where there is nothing of this name, or both a baseline and a run.
    """
    folder = Path(name)
    if (folder / RUN).is_file():
        return of_run(folder, places.results)
    if (folder / RECORD).is_file():
        return load(folder)
    if folder.is_dir() and any(folder.glob("*.onnx")):
        return of_files(folder)
    is_baseline = (places.baselines / name / RECORD).is_file()
    try:
        run = find_run(places.results, name)
    except UserError as error:
        if is_baseline:
            return load(places.baselines / name)
        if folder.is_dir():
            raise UserError(f"{name} has neither {RUN}, {RECORD} nor ONNX files") from error
        runs = [path.name for path in (places.results / "runs").glob("*")]
        if {folder.name, folder.stem} & {*runs}:  # there are runs, but not the one asked for
            raise
        known = [*runs, *(path.name for path in _folders(places.baselines))]
        raise UserError(
            f"there is no run of '{name}' under {places.results}, no such baseline under "
            f"{places.baselines}, and no such folder{nearest(name, known)}"
        ) from error
    if is_baseline:
        raise UserError(f"'{name}' is a baseline and a suite with runs: name the folder, {run}")
    return of_run(run, places.results)


def listed(baselines: Path) -> Iterator[tuple[str, Snapshot | UserError]]:
    """Each baseline, or what is wrong with it, by name."""
    for folder in _folders(baselines):
        try:
            yield folder.name, load(folder)
        except UserError as error:
            yield folder.name, error


def _folders(baselines: Path) -> list[Path]:
    found = (path.parent for path in baselines.glob(f"*/{RECORD}"))
    return sorted(folder for folder in found if not folder.name.startswith(".tmp-"))


def _place(name: str, places: Places) -> Path:
    if not _NAME.fullmatch(name):
        raise UserError(f"the name of a baseline has letters, digits, '_' and '-' only: '{name}'")
    return places.baselines / name


def _verify(folder: Path, name: str, wanted: str) -> None:
    path = folder / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise UserError(f"{folder / RECORD} names a file outside of its folder: {name}")
    if not path.is_file():
        raise UserError(f"{path} is missing; restore it, or save the baseline again")
    found = sha256(path)
    if found != wanted:
        raise UserError(
            f"{path} is damaged: its sha256 is {found[:12]}…, {RECORD} says {wanted[:12]}…; "
            "restore it, or save the baseline again"
        )


def _replace(temporary: Path, folder: Path) -> None:
    """Rename; should the second step fail, the first one is undone."""
    if not folder.exists():
        os.replace(temporary, folder)
        return
    previous = folder.with_name(folder.name + PREVIOUS)
    if previous.exists():
        shutil.rmtree(previous)
    os.replace(folder, previous)
    try:
        os.replace(temporary, folder)
    except BaseException:
        os.replace(previous, folder)
        raise
