"""Which run is gone on with: one that came to no end, has no report, or was damaged since."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from compbench.errors import UserError
from compbench.results import record
from compbench.results.find import latest_run
from compbench.results.folder import row_files, write_rows
from compbench.results.record import Run
from compbench.run import run as runs
from compbench.run.progress import Progress
from tests.factory import RUN_ROWS, make_run, with_keys

ASKED = with_keys(make_run(finished=None), RUN_ROWS)


def opened(results: Path, run: Run) -> tuple[Path, str]:
    """The folder that is measured in, and what was said of it."""
    console = Console(file=io.StringIO(), width=400)
    folder, _ = runs._open(run, results, Progress(console))
    assert isinstance(console.file, io.StringIO)
    return folder, console.file.getvalue()


def ended(results: Path, **changes: Any) -> Path:
    """A run that came to its end."""
    folder, _ = opened(results, ASKED)
    write_rows(folder, "all", RUN_ROWS)
    end = {"finished": "2026-01-02T03:05:05+00:00", "files": row_files(folder), **changes}
    record.write_run(folder, ASKED.model_copy(update=end))
    return folder


def test_one_that_was_measured_is_measured_anew(tmp_path: Path) -> None:
    folder = ended(tmp_path)
    assert opened(tmp_path, ASKED)[0] == folder.with_name(f"{folder.name}+")


def test_one_whose_report_was_not_written_is_gone_on_with(tmp_path: Path) -> None:
    folder = ended(tmp_path, is_reported=False)
    assert opened(tmp_path, ASKED) == (folder, "")
    assert record.read_run(folder).finished is None
    write_rows(folder, "all", RUN_ROWS)
    ended_again = {"finished": "2026-01-02T03:05:05+00:00", "is_reported": False}
    record.write_run(folder, ASKED.model_copy(update=ended_again))
    runs.reported(folder)
    assert record.read_run(folder).is_whole
    assert opened(tmp_path, ASKED)[0] != folder


@pytest.mark.parametrize("damage", ["flipped", "emptied", "removed", "stranger"])
def test_one_with_damaged_rows_is_gone_on_with_and_others_are_kept(
    damage: str, tmp_path: Path
) -> None:
    folder = ended(tmp_path)
    path = folder / "rows" / "all.jsonl"
    if damage == "removed":
        path.unlink()
    elif damage == "stranger":
        path.with_name("other.jsonl").write_bytes(path.read_bytes())
    else:
        path.write_bytes(path.read_bytes().replace(b"teacher", b"taecher") * (damage == "flipped"))
    assert opened(tmp_path, ASKED)[0] == folder


@pytest.mark.parametrize(
    "said",
    [
        {"description": "Other words."},
        {"suite_path": "./suites/../suites/mine.toml"},
        {"pick": {"max_drop": 0.02}},
        {"references": {"teacher": {"value": 0.9, "source": "a book"}}},
        {"started": "2025-01-01T00:00:00+00:00"},
    ],
)
def test_what_is_said_of_a_run_may_change_while_it_is_stopped(
    said: dict[str, Any], tmp_path: Path
) -> None:
    folder, _ = opened(tmp_path, ASKED)
    new = ASKED.model_copy(update=said)
    assert opened(tmp_path, new)[0] == folder
    found = record.read_run(folder)
    assert found == new.model_copy(update={"started": ASKED.started})


@pytest.mark.parametrize(
    "asked",
    [
        {"dataset": {**ASKED.dataset, "options": {"separator": "\t", "path": "a\u00a0b.csv"}}},
        {"dataset": {**ASKED.dataset, "class_names": ["zero\u00a0", "one\t"]}},
        {"task": {**ASKED.task, "options": {"labels": "\x85"}}},
        {"description": "a\u200bb"},
    ],
)
def test_characters_that_are_not_shown_are_no_other_run(
    asked: dict[str, Any], tmp_path: Path
) -> None:
    new = ASKED.model_copy(update=asked)
    folder, _ = opened(tmp_path, new)
    assert opened(tmp_path, new)[0] == folder
    read = record.read_run(folder)
    for name in ("dataset", "task"):
        made_of = getattr(new, name).get("options")
        assert getattr(read, name).get("options") == made_of, "a dataset is made of them again"


def test_a_clock_that_was_ahead_is_told_and_later_runs_are_newer(tmp_path: Path) -> None:
    future = ASKED.model_copy(update={"started": "2031-01-01T00:00:00+00:00"})
    first, _ = opened(tmp_path, future.model_copy(update={"seeds": (7,)}))
    folders = [first]
    for seed in (1, 2):
        folder, told = opened(tmp_path, ASKED.model_copy(update={"seeds": (seed,)}))
        assert latest_run(tmp_path, "mine") == folder
        folders.append(folder)
        assert ("is dated later than now" in told) == (seed == 1)
    assert folders == sorted(folders)


def test_a_record_that_can_not_be_read_begins_a_new_run(tmp_path: Path) -> None:
    folder, _ = opened(tmp_path, ASKED)
    (folder / "run.json").write_text("{")
    new, told = opened(tmp_path, ASKED)
    assert new != folder and latest_run(tmp_path, "mine") == new
    assert "run.json is damaged" in told and "a new run is begun" in told


def test_another_suite_file_of_the_same_name_is_refused(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours" / "mine.toml", tmp_path / "theirs" / "mine.toml"
    for path, text in ((ours, "seeds = [0]"), (theirs, "seeds = [1]")):
        path.parent.mkdir()
        path.write_text(text)
    run = ASKED.model_copy(update={"suite_path": str(ours)})
    folder, _ = opened(tmp_path, run)
    other = run.model_copy(update={"suite_path": str(theirs), "seeds": (1,)})
    with pytest.raises(UserError, match=r"another suite file of this name, .*ours"):
        opened(tmp_path, other)
    spelt = str(tmp_path / "theirs" / ".." / "ours" / "mine.toml")
    assert opened(tmp_path, run.model_copy(update={"suite_path": spelt}))[0] == folder
    theirs.write_text(ours.read_text())  # a copy of the folder
    assert opened(tmp_path, run.model_copy(update={"suite_path": str(theirs)}))[0] == folder
    ours.unlink()  # moved
    theirs.write_text("seeds = [1]")
    assert opened(tmp_path, other)[0] != folder
