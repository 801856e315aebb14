"""The report and its pictures, written into a folder."""

from __future__ import annotations

from pathlib import Path

from compbench.files import write_whole
from compbench.report.page import render
from compbench.results.rows import Rows
from compbench.table.stored_run import StoredRun


def write(stored: StoredRun, reports: Path) -> Path:
    """Write `reports/<suite>/README.md` and its pictures from a run's rows; return its path."""
    from compbench.report.pictures import draw

    run, rows, summaries = stored.run, stored.rows, stored.summaries
    pictures = draw.pictures(run, Rows(rows), summaries)
    folder = reports / run.suite
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        write_whole(folder / name, picture)
    write_whole(folder / "README.md", render(run, rows, summaries, stored.folder.name).encode())
    for old in set(folder.glob("*.png")) - {folder / name for name in pictures}:
        if not old.name.startswith("history-"):  # else of a former run
            old.unlink()
    return folder / "README.md"
