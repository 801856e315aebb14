"""Which artifacts the runs under a folder of results refer to."""

from __future__ import annotations

from pathlib import Path

from compbench.results.find import latest_run, runs_beside
from compbench.results.record import read_run


def run_folders(results: Path) -> list[Path]:
    """All runs, suite by suite, in the order in which they came."""
    suites = sorted(path.name for path in (results / "runs").glob("*"))
    newest = (latest_run(results, suite) for suite in suites)
    return [folder for run in newest if run for folder in runs_beside(run)]


def needed_keys(results: Path, since: str = "") -> set[str]:
    """The keys of the artifacts of each suite's newest run, and of all begun `since` (ISO 8601).

    Raises UserError where a run is damaged: nobody knows what it needs.
    """
    keys = set[str]()
    for folder in run_folders(results):
        run = read_run(folder)
        is_newest = folder == latest_run(results, folder.parent.name)
        if is_newest or run.started >= since:
            keys.update(run.keys)
    return keys
