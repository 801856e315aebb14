"""`compbench report --format`: the report as markdown, or a run's table as CSV, Parquet, JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from compbench.cli.options import refuse_format
from compbench.report import write as report_write
from compbench.table import write as table_write
from compbench.table.stored_run import StoredRun

FORMATS = ("markdown", *table_write.FORMATS)


def parse(given: str) -> tuple[str, ...]:
    """The formats that `--format` names, separated by commas, each once.

    Raises UserError with the nearest format for an unknown one.
    """
    names = tuple(dict.fromkeys(name.strip() for name in given.split(",")))
    for name in names:
        refuse_format(name, FORMATS)
    return names


def write(stored: StoredRun, reports: Path, names: Sequence[str]) -> list[Path]:
    """Write a run in each of these formats into `reports/<suite>`; return the paths."""
    folder = reports / stored.run.suite
    return [
        report_write.write(stored, reports)
        if name == "markdown"
        else table_write.write(folder, stored.run, stored.table(), name)
        for name in names
    ]
