"""Which run is meant: a folder, a suite's newest run, the one before, or one by its time."""

from __future__ import annotations

import os
from pathlib import Path

from compbench.errors import UserError, nearest
from compbench.results.record import RUN, Run, read_run

PREVIOUS = "previous"


def find(results: Path, name: str) -> Path:
    """A run's folder: what `find_run` knows, `SUITE@previous` or `SUITE@<start of its time>`.

    Raises UserError with the nearest run there is.
    """
    if (Path(name) / RUN).is_file():
        return Path(name)
    suite, at, which = name.rpartition("@")
    if at:
        return _one_of(results, suite, which)
    if Path(name).is_dir() and latest_run(results, Path(name).name) is None:
        read_run(Path(name))  # says that it is not a run
    return find_run(results, name)


def find_both(results: Path, name_a: str, name_b: str) -> tuple[Path, Path]:
    """Two runs to be compared. Raises UserError where they are the same one."""
    a, b = find(results, name_a), find(results, name_b)
    if a.resolve() == b.resolve():
        stem = Path(name_a.rpartition("@")[0] or name_a).stem
        suite = stem if latest_run(results, stem) else read_run(a).suite
        raise UserError(
            f"{name_a} and {name_b} are the same run, {a}; "
            f"the run before the newest is {suite}@{PREVIOUS}"
        )
    return a, b


def _one_of(results: Path, suite: str, which: str) -> Path:
    newest = find_run(results, suite)  # where there is none it says which suites have runs
    folders = {folder.name: folder for folder in runs_beside(newest)}
    stamps = list(folders)
    if which == PREVIOUS:
        if len(stamps) < 2:
            raise UserError(f"'{suite}' has one run only, {newest}: there is none before it")
        return folders[stamps[-2]]
    if which in folders:
        return folders[which]
    found = [stamp for stamp in stamps if which and stamp.startswith(which)]
    if not found:
        hint = nearest(which, [PREVIOUS, *stamps])
        raise UserError(f"'{suite}' has no run whose time begins with '{which}'{hint}")
    if len(found) > 1:
        raise UserError(f"'{suite}@{which}' may be any of {', '.join(found)}: name more of it")
    return folders[found[0]]


def latest_run(results: Path, suite: str) -> Path | None:
    """The newest run of a suite."""
    runs = _in_order(results / "runs" / suite)
    return runs[-1] if runs else None


def runs_beside(run: Path) -> list[Path]:
    """A run and the others of its suite, in the order in which they came."""
    return _in_order(run.parent)


def _in_order(suite: Path) -> list[Path]:
    """Run folders are called by their time, each so that it sorts behind those before it."""
    return sorted(path.parent for path in suite.glob(f"*/{RUN}"))


def find_run(results: Path, name: str) -> Path:
    """A run by its folder, by a suite's name or by a suite file's path (the newest of that suite).

    Raises UserError with the nearest suite that has a run.
    """
    if (Path(name) / RUN).is_file():
        return Path(name)
    is_file = name.endswith(".toml")
    suite = Path(name).stem if is_file else Path(name).name
    found = latest_run(results, suite)
    if found is None:
        known = [path.name for path in (results / "runs").glob("*") if path.is_dir()]
        raise UserError(f"no run of '{suite}' under {results}{nearest(suite, known)}")
    run = read_run(found)
    if is_file and not _is_of(run, found, results, name):
        raise UserError(
            f"the newest run of '{suite}' is of {run.suite_path}; to report it, name it: {found}"
        )
    return found


def _is_of(run: Run, folder: Path, results: Path, suite: str) -> bool:
    real = run.real_suite(results)
    if run.suite_from_results and real.is_file():  # else one of them was moved
        return real == Path(suite).resolve()
    seen = map(os.path.abspath, _seen_from(run.suite_path, folder))
    return os.path.abspath(suite) in seen


def suite_file(suite_path: str, folder: Path) -> Path | None:
    """The suite file that a run or a baseline recorded, seen from here or from above its folder.

    A relative path was one from where the run was started, which is mostly a folder above the run.
    None where none was recorded, or one that lies in the folder itself: it came with the record.
    """
    if not suite_path:
        return None
    there = [path for path in _seen_from(suite_path, folder) if path.is_file()]
    own = folder.resolve()
    others = [path for path in there if not path.resolve().is_relative_to(own)]
    return next(iter(others), None if there else Path(suite_path))


def _seen_from(suite_path: str, folder: Path) -> list[Path]:
    return [place / suite_path for place in (Path(), *folder.absolute().parents)]
