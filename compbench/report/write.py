"""The report and its pictures, written into a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from compbench.own_folder import OwnFolder
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
    found = places(Page(run, Rows(rows), summaries, stored.folder.name, stored.problems))
    pictures = gallery(found)
    drawn = draw.pictures(pictures.pictures)
    report = compose(found, pictures, drawn.failures)
    folder = reports / run.suite
    files = {**drawn.files, "README.md": report.text.encode()}
    if report.failures:
        files[FAILED] = _tracebacks(report.failures)
    OwnFolder(folder, "report", stored.suite_file).put(files, all_of_it=True)
    failures = tuple(f"{failed.said}; see {folder / FAILED}" for failed in report.failures)
    return Written(folder / "README.md", failures)


def _tracebacks(failures: Sequence[Failure]) -> bytes:
    return "\n".join(f"{failed.said}\n\n{failed.traceback}" for failed in failures).encode()
