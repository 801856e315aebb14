"""The tidy table: one row for each variant on each target, as a pandas DataFrame and as files."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pandas as pd

from compbench.glossary import COLUMNS, column_name, listing
from compbench.intervals import Interval
from compbench.results import Row, Run, find_run, read_rows, read_run
from compbench.stats import ancestors, summarise
from compbench.store import write_whole
from compbench.summaries import Summaries, Summary

_DTYPES = {int: "Int64", bool: "bool", str: "string"}
_ENDS = {"": "value", "_low": "low", "_high": "high"}


def table(run: Run, measured: Summaries | Iterable[Row]) -> pd.DataFrame:
    """The tidy table of a run's summaries, or of its rows.

    Accuracies and changes are fractions; what was not measured is NaN. Counts are Int64, texts
    string, flags bool, all else float64. Every interval is three columns.
    """
    summaries = measured if isinstance(measured, Summaries) else summarise(run, measured)
    found = _about(run, summaries)
    hints = get_type_hints(Summary)
    for field in fields(Summary):
        if field.name not in found:
            values = [None if s.reason else getattr(s, field.name) for s in summaries.all]
            found |= _columns(field.name, hints[field.name], values)
    return pd.DataFrame(found)


table.__doc__ = f"{table.__doc__}\n{listing()}"


def _about(run: Run, summaries: Summaries) -> dict[str, pd.Series]:
    """Which variant on which target a row is about, and whether it was measured."""
    every = [(s, run.variants[s.variant], s.reason.partition(": ")) for s in summaries.all]
    texts = {
        "suite": [run.suite for _ in every],
        "variant": [s.variant for s, _, _ in every],
        "technique": [variant["technique"] for _, variant, _ in every],
        "lineage": [" → ".join([*ancestors(run, s.variant), s.variant]) for s, _, _ in every],
        "parents": [", ".join(variant["parents"]) for _, variant, _ in every],
        "target": [s.target for s, _, _ in every],
        "batch_size": [run.targets[s.target]["batch_sizes"][0] for s, _, _ in every],
        "status": [status or "ok" for _, _, (status, _, _) in every],
        "reason": [reason for _, _, (_, _, reason) in every],
        "is_baseline": [s.variant == run.baseline for s, _, _ in every],
        "on_front": [(s.variant, s.target) in summaries.on_front for s, _, _ in every],
    }
    kinds = {"batch_size": int, "is_baseline": bool, "on_front": bool}
    return {name: _series(values, kinds.get(name, str)) for name, values in texts.items()}


def _columns(field: str, hint: Any, values: Sequence[Any]) -> dict[str, pd.Series]:
    """A field of `Summary` as columns: three of an interval, one for each key of a mapping."""
    if isinstance(hint, UnionType):
        (hint,) = (kind for kind in get_args(hint) if kind is not NoneType)
    if get_origin(hint) is dict:
        found: dict[str, pd.Series] = {}
        for key in dict.fromkeys(key for value in values for key in value or ()):
            of_key = [value and value.get(key) for value in values]
            found |= _columns(column_name(field, key), get_args(hint)[1], of_key)
        return found
    if hint is Interval:
        return {
            field + suffix: _series([value and getattr(value, end) for value in values], float)
            for suffix, end in _ENDS.items()
        }
    return {field: _series(values, hint)}


def _series(values: Sequence[Any], kind: type) -> pd.Series:
    return pd.Series(values, dtype=_DTYPES.get(kind, "float64"))


def csv(run: Run, frame: pd.DataFrame) -> bytes:
    """The table with a header; what was not measured is empty."""
    return frame.to_csv(index=False, lineterminator="\n").encode()


def parquet(run: Run, frame: pd.DataFrame) -> bytes:
    """The table with its types."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, engine="pyarrow", index=False)
    return buffer.getvalue()


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The table as JSON has it: an object for each row, null for what was not measured."""
    return json.loads(str(frame.to_json(orient="records", double_precision=15)))


def as_json(run: Run, frame: pd.DataFrame) -> bytes:
    """The table as records, with what was asked, where and when beside it."""
    document = {
        "run": run.model_dump(mode="json"),
        "columns": {name: column._asdict() for name, column in COLUMNS.items()},
        "records": records(frame),
    }
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


FORMATS: dict[str, Callable[[Run, pd.DataFrame], bytes]] = {
    "csv": csv,
    "parquet": parquet,
    "json": as_json,
}


def write(folder: Path, run: Run, frame: pd.DataFrame, name: str) -> Path:
    """Write `table.<name>`, a format of `FORMATS`, whole; return its path."""
    path = folder / f"table.{name}"
    content = FORMATS[name](run, frame)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)
    return path


@dataclass(frozen=True)
class StoredRun:
    """A run as it was written; rows are read, and summarised, when they are first asked for."""

    folder: Path

    @cached_property
    def run(self) -> Run:
        """What was asked, of what, where and when."""
        return read_run(self.folder)

    @cached_property
    def rows(self) -> list[Row]:
        """Every measured metric with its raw samples."""
        return read_rows(self.folder)

    @cached_property
    def summaries(self) -> Summaries:
        """The statistics of the rows."""
        return summarise(self.run, self.rows)

    def table(self) -> pd.DataFrame:
        """The tidy table, a new one in each call: see `compbench.frame.table`."""
        return table(self.run, self.summaries)


def open_run(results: Path, name: str) -> StoredRun:
    """A run by its folder, or by its suite: the newest of it. Raises UserError where none is."""
    return StoredRun(find_run(results, name))
