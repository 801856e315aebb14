"""The forms in which a run is written: the report, and its tidy table as CSV, Parquet or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from compbench import frame, report
from compbench.errors import UserError, nearest
from compbench.frame import StoredRun

FORMATS = ("markdown", *frame.FORMATS)


def parse(given: str) -> tuple[str, ...]:
    """Names separated by commas, each once. Raises UserError with the nearest format."""
    names = tuple(dict.fromkeys(name.strip() for name in given.split(",")))
    for name in names:
        if name not in FORMATS:
            raise UserError(f"--format: there is no format '{name}'{nearest(name, FORMATS)}")
    return names


def write(stored: StoredRun, reports: Path, names: Sequence[str]) -> list[Path]:
    """Write a run in each of these formats into `reports/<suite>`; return the paths."""
    folder = reports / stored.run.suite
    return [
        report.write(stored, reports)
        if name == "markdown"
        else frame.write(folder, stored.run, stored.table(), name)
        for name in names
    ]
