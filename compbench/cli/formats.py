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


def write(
    stored: StoredRun, reports: Path, names: Sequence[str]
) -> tuple[list[Path], tuple[str, ...]]:
    """Write a run in each of these formats into `reports/<suite>`.

    Returns the paths, and what of the report failed, a line each.
    """
    folder, paths = reports / stored.run.suite, []
    failures: tuple[str, ...] = ()
    for name in names:
        if name == "markdown":
            written = report_write.write(stored, reports)
            paths.append(written.path)
            failures = written.failures
        else:
            table = stored.table()
            paths.append(table_write.write(folder, stored.run, table, name, stored.suite_file))
    return paths, failures
