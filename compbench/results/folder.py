"""A run's rows on disk: `rows/<name>.jsonl`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from compbench.errors import UserError
from compbench.files import write_whole
from compbench.results import upgrade
from compbench.results.columns import Columns, encode
from compbench.results.record import ROWS
from compbench.results.row import Row

_COMPANIONS = "companions"


def new_folder(results: Path, suite: str, started: str) -> Path:
    """Make the folder of a new run, called by its time (ISO 8601, UTC)."""
    runs = results / "runs" / suite
    stamp = started.replace("-", "").replace(":", "").replace("+0000", "Z")
    path = runs / stamp
    while path.exists():
        path = path.with_name(f"{path.name}+")  # sorts after its namesake of the same second
    path.mkdir(parents=True)
    return path


def write_rows(folder: Path, name: str, rows: Iterable[Row]) -> None:
    """Write `rows/<name>.jsonl`, whole: it is there with all its rows, or not at all."""
    (folder / ROWS).mkdir(exist_ok=True)
    lines = (json.dumps(_to_json(row)) for row in rows)
    write_whole(folder / ROWS / f"{name}.jsonl", "".join(f"{x}\n" for x in lines).encode())


def has_rows(folder: Path, name: str) -> bool:
    """Whether `rows/<name>.jsonl` has been written."""
    return (folder / ROWS / f"{name}.jsonl").is_file()


def drop_rows(folder: Path, name: str) -> None:
    """Remove `rows/<name>.jsonl` if it is there."""
    (folder / ROWS / f"{name}.jsonl").unlink(missing_ok=True)


def read_rows(folder: Path) -> list[Row]:
    """All rows of a run, in the order of their files' names; samples are decoded when asked for."""
    return [row for path in sorted((folder / ROWS).glob("*.jsonl")) for row in _read(path)]


def read_rows_of(folder: Path, name: str) -> list[Row]:
    """The rows of `rows/<name>.jsonl`."""
    return _read(folder / ROWS / f"{name}.jsonl")


def write_companions(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write what users of the run's models need besides them, by file name."""
    for name, content in contents.items():
        (folder / _COMPANIONS).mkdir(exist_ok=True)
        write_whole(folder / _COMPANIONS / name, content)


def read_companions(folder: Path) -> dict[str, bytes]:
    """Their contents by file name; nothing in runs that have none."""
    return {path.name: path.read_bytes() for path in sorted((folder / _COMPANIONS).glob("*"))}


def _read(path: Path) -> list[Row]:
    try:
        with path.open(encoding="utf-8") as lines:
            return [_from_json(json.loads(line), str(path)) for line in lines]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path} is damaged: {error}") from error


def _to_json(row: Row) -> dict[str, Any]:
    content = {name: getattr(row, name) for name in _DEFAULTS}
    content = {name: value for name, value in content.items() if value != _DEFAULTS[name]}
    content |= {"variant": row.variant, "seed": row.seed, "key": row.key, "metric": row.metric}
    return content | ({"samples": encode(row.samples)} if row.samples else {})


def _from_json(content: dict[str, Any], origin: str) -> Row:
    content = upgrade.row(content)
    samples = content.pop("samples", None)
    return Row(**content, samples=Columns(samples, origin) if samples else {})


_DEFAULTS = {f.name: f.default for f in fields(Row) if f.name != "samples"}
