"""The report and its pictures, written into a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from compbench.files import write_whole
from compbench.report.failure import Failure
from compbench.results.row_index import Rows
from compbench.table.stored_run import StoredRun

FAILED = "failed-sections.txt"  # beside a report, with the tracebacks of what it lacks


@dataclass(frozen=True)
class Written:
    """A report's path, and what of it could not be written, a line each."""

    path: Path
    failures: tuple[str, ...] = ()


def write(stored: StoredRun, reports: Path) -> Written:
    """Write `reports/<suite>/README.md` and its pictures from a run's rows.

    What fails in a section or a picture is a line in its place; the tracebacks are in a file beside
    the report, which is there only then.
    """
    from compbench.report.gallery import gallery
    from compbench.report.page import compose
    from compbench.report.pictures import draw
    from compbench.report.section import Page
    from compbench.report.section_list import places

    run, rows, summaries = stored.run, stored.rows, stored.summaries
    found = places(Page(run, Rows(rows), summaries, stored.folder.name))
    pictures = gallery(found)
    drawn = draw.pictures(pictures.pictures)
    report = compose(found, pictures, drawn.failures)
    folder = reports / run.suite
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in drawn.files.items():
        write_whole(folder / name, picture)
    write_whole(folder / "README.md", report.text.encode())
    for old in set(folder.glob("*.png")) - {folder / name for name in drawn.files}:
        if not old.name.startswith("history-"):  # else of a former run
            old.unlink()
    return Written(folder / "README.md", _tell(report.failures, folder / FAILED))


def _tell(failures: Sequence[Failure], path: Path) -> tuple[str, ...]:
    """Write the tracebacks; return a line for each failure."""
    if not failures:
        path.unlink(missing_ok=True)
        return ()
    text = "\n".join(f"{failed.said}\n\n{failed.traceback}" for failed in failures)
    write_whole(path, text.encode())
    return tuple(f"{failed.said}; see {path}" for failed in failures)
