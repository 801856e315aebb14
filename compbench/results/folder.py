"""A run's rows on disk: `rows/<name>.jsonl`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

from compbench import seal
from compbench.errors import UserError, one_line, printable
from compbench.files import TEMPORARY, is_own_file, is_temporary, read_own, write_whole
from compbench.results import row_check, upgrade
from compbench.results.columns import Columns, encode
from compbench.results.record import ROWS, Run
from compbench.results.row import Row

_COMPANIONS, _SUMS = "companions", "companions.json"


def new_folder(results: Path, suite: str, started: str) -> Path:
    """Make the folder of a new run, called by its time (ISO 8601, UTC).

    Its name sorts behind those of all others: one of the same second, or of a clock that was ahead,
    has a + behind the newest's name.
    """
    runs = results / "runs" / suite
    stamp = started.replace("-", "").replace(":", "").replace("+0000", "Z")
    newest = max((path.name for path in runs.glob("*")), default="")
    path = runs / (stamp if stamp > newest else f"{newest}+")
    path.mkdir(parents=True)
    return path


def write_rows(folder: Path, name: str, rows: Iterable[Row]) -> None:
    """Write `rows/<name>.jsonl`, whole: it is there with all its rows, or not at all."""
    _refuse_link(folder / ROWS)
    (folder / ROWS).mkdir(exist_ok=True)
    lines = (json.dumps(_to_json(row), allow_nan=False) for row in rows)
    text = seal.lines_text("".join(f"{x}\n" for x in lines).encode())
    write_whole(rows_path(folder, name), text)


def has_rows(folder: Path, name: str) -> bool:
    """Whether `rows/<name>.jsonl` has been written."""
    return rows_path(folder, name).is_file()


def drop_rows(folder: Path, name: str) -> None:
    """Remove `rows/<name>.jsonl` if it is there. Raises UserError where it is a folder."""
    path = rows_path(folder, name)
    if path.is_dir() and not path.is_symlink():
        raise UserError(f"{path} is a folder, and none of compbench's: remove it")
    path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Found:
    """The rows of a run that can be trusted, and what is wrong with its other files, by name."""

    rows: list[Row]
    problems: dict[str, str] = field(default_factory=dict)


def examine(folder: Path, run: Run) -> Found:
    """All rows of a run, by seed as the suite has them; samples are decoded when asked for.

    Those of a seed are in the order of their files' names. A file that is damaged, missing, or no
    file of this run gives no rows and is named.
    """
    rows, problems, gone = [], dict[str, str](), set[str]()
    names, known = _names(folder), row_check.Names.of(run)
    for name in names:
        try:
            if run.files is not None and name not in run.files:
                raise UserError(f"{rows_path(folder, name)} is no file of this run")
            rows += _read(rows_path(folder, name), known, is_sealed=run.is_sealed)
        except FileNotFoundError:  # removed meanwhile, by a run that goes on
            gone.add(name)
        except UserError as error:
            problems[name] = str(error)
    for name in sorted({*(run.files or ())} - ({*names} - gone)):
        problems[name] = f"{rows_path(folder, name)} is missing"
    place = {seed: number for number, seed in enumerate(run.seeds)}
    return Found(sorted(rows, key=lambda row: place.get(row.seed, -1)), problems)


def remove_leftovers(folder: Path) -> None:
    """Take away what kills left of rows that were being written; nobody else may write here."""
    _refuse_link(folder / ROWS)
    for path in (folder / ROWS).glob(f"{TEMPORARY}*"):
        if path.is_file() or path.is_symlink():
            path.unlink()


def read_rows(folder: Path, run: Run | None = None) -> list[Row]:
    """All rows of a folder, of a run's where one is given.

    Raises UserError where a file is damaged, or is one too few or too many.
    """
    if run is None:
        return [row for name in _names(folder) for row in _read(rows_path(folder, name))]
    found = examine(folder, run)
    for problem in found.problems.values():
        raise UserError(problem)
    return found.rows


def read_rows_of(folder: Path, name: str) -> list[Row]:
    """The rows of `rows/<name>.jsonl`."""
    return _read(rows_path(folder, name))


def row_files(folder: Path) -> tuple[str, ...]:
    """The names of all that was written by `write_rows`, in order."""
    return tuple(_names(folder))


def write_companions(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write what users of the run's models need besides them, by file name, and its checksums."""
    for name, content in contents.items():
        (folder / _COMPANIONS).mkdir(exist_ok=True)
        write_whole(folder / _COMPANIONS / name, content)
    if contents:
        sums = {name: sha256(content).hexdigest() for name, content in contents.items()}
        write_whole(folder / _SUMS, seal.json_text(sums))


def read_companions(folder: Path) -> dict[str, bytes]:
    """Their contents by file name; nothing in runs that have none.

    Raises UserError where one is damaged or missing, by the checksums that newer runs have.
    """
    paths = sorted((folder / _COMPANIONS).glob("*"))
    found = {path.name: path.read_bytes() for path in paths if is_own_file(path)}
    if not (folder / _SUMS).is_file():
        return found
    try:
        sums = seal.json_object(read_own(folder / _SUMS), is_sealed=True)
    except ValueError as error:
        raise UserError(f"{folder / _SUMS} is damaged: {one_line(str(error), 160)}") from error
    for name, digest in sums.items():
        path = folder / _COMPANIONS / name
        if name not in found:
            raise UserError(f"{path} is missing: run the suite again")
        if sha256(found[name]).hexdigest() != digest:
            raise UserError(f"{path} is damaged: run the suite again")
    return {name: found[name] for name in sums}


def rows_path(folder: Path, name: str) -> Path:
    """Where rows of that name lie."""
    return folder / ROWS / f"{name}.jsonl"


def _refuse_link(rows: Path) -> None:
    """Nothing is read, written or removed elsewhere."""
    if rows.is_symlink():
        raise UserError(f"{rows} is a link to elsewhere, and none of compbench's: remove it")


def _names(folder: Path) -> list[str]:
    _refuse_link(folder / ROWS)
    paths = sorted((folder / ROWS).glob("*.jsonl"))
    return [path.stem for path in paths if not is_temporary(path)]


def _read(
    path: Path, known: row_check.Names | None = None, *, is_sealed: bool = False
) -> list[Row]:
    try:
        lines = seal.json_lines(read_own(path), is_sealed=is_sealed)
        rows = [_from_json(line, str(path)) for line in lines]
        for row in rows:
            row_check.refuse_wrong(row, known)
        return rows
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path} is damaged: {one_line(str(error), 160)}") from error


def _to_json(row: Row) -> dict[str, Any]:
    content = {name: getattr(row, name) for name in _DEFAULTS}
    content = {name: value for name, value in content.items() if value != _DEFAULTS[name]}
    content |= {"variant": row.variant, "seed": row.seed, "key": row.key, "metric": row.metric}
    return content | ({"samples": encode(row.samples)} if row.samples else {})


def _from_json(content: dict[str, Any], origin: str) -> Row:
    content = upgrade.row(content)
    samples = content.pop("samples", None)
    if isinstance(content.get("reason"), str):
        content["reason"] = printable(content["reason"], lines=True)
    return Row(**content, samples=Columns(samples, origin) if samples else {})


_DEFAULTS = {f.name: f.default for f in fields(Row) if f.name != "samples"}
