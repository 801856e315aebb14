"""A run that lacks something is marked by every command; a stranger's words are only shown."""
# ruff: noqa: F811, a fixture is an argument of its own name

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from compbench.results import folder as results_folder
from compbench.results.folder import new_folder, write_rows
from compbench.results.record import write_run
from compbench.results.row import Row
from tests.cli.test_main import compbench  # noqa: F401
from tests.factory import RUN, RUN_ROWS, make_run, status_row, with_keys

LACKING = [row for row in RUN_ROWS if row.launch != 1]
EVIL = "\x1b[31mred\x1b]0;title\x07"


def stored(tmp_path: Path, rows: Sequence[Row] = RUN_ROWS, run=RUN) -> str:
    folder = new_folder(tmp_path / "results", run.suite, run.started)
    write_run(folder, with_keys(run, rows))
    write_rows(folder, "all", rows)
    return str(folder)


COMMANDS = (("show", "RUN"), ("pick", "RUN"), ("compare", "RUN", "OTHER"))


def about(command: Sequence[str], run: str, tmp_path: Path) -> list[str]:
    """The command's words, with a run, and a whole one where it takes another."""
    other = stored(tmp_path / "other") if "OTHER" in command else ""
    return [{"RUN": run, "OTHER": other}.get(word, word) for word in command]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_run_that_lacks_a_launch_is_marked(
    compbench, tmp_path: Path, command: Sequence[str]
) -> None:
    for rows, is_marked in ((RUN_ROWS, False), (LACKING, True)):
        run = stored(tmp_path, rows)
        done = compbench(*about(command, run, tmp_path))
        told = " ".join((done.out + done.err).split())
        assert ("decide nothing by this" in told) is is_marked
        assert ("no rows of launch 2" in told) is is_marked
        assert done.code == int(is_marked and command[0] == "pick")


def test_json_says_what_is_lacking(compbench, tmp_path: Path) -> None:
    told = json.loads(compbench("show", stored(tmp_path, LACKING), "--json").out)
    assert told["incomplete"] == ["cpu_1thread: no rows of launch 2"]


@pytest.mark.parametrize("is_finished", [True, False])
@pytest.mark.parametrize("command", ["show", "report"])
@pytest.mark.filterwarnings("ignore:.*left out")
def test_rows_that_are_removed_while_they_are_read_are_lacking(
    command: str, is_finished: bool, compbench, tmp_path: Path, monkeypatch
) -> None:
    """By the run under way, which measures them again."""
    end = {"finished": RUN.finished, "files": ("all", "last")} if is_finished else {}
    run = RUN.model_copy(update={"finished": None, **end})
    path = Path(stored(tmp_path, LACKING, run))
    write_rows(path, "last", [row for row in RUN_ROWS if row.launch == 1])
    read = results_folder.read_own

    def removed(file: Path) -> bytes:
        if file.stem == "last":
            file.unlink()
        return read(file)

    monkeypatch.setattr(results_folder, "read_own", removed)
    done = compbench(command, str(path))
    told = " ".join((done.out + done.err).split())
    assert done.code == 0, done.err
    assert "Traceback" not in told
    if command == "show":
        assert "decide nothing by this" in told
        assert ("last.jsonl is missing" in told) is is_finished


@pytest.mark.parametrize(
    "command", [*COMMANDS, ("history", "RUN"), ("show", "RUN", "--json")], ids=" ".join
)
def test_no_control_character_of_a_run_reaches_the_terminal(
    compbench, tmp_path: Path, command: Sequence[str]
) -> None:
    run = make_run(
        description=EVIL,
        references={"teacher": {"value": 0.9, "source": EVIL}},
        environment=RUN.environment | {"cpu": EVIL},
    )
    rows = [row for row in RUN_ROWS if (row.variant, row.metric) != ("int8", "status")]
    folder = stored(tmp_path, [*rows, status_row("int8", EVIL)], run)
    done = compbench(*about(command, folder, tmp_path))
    assert done.code in (0, 1)
    assert not {*"\x1b\x07"} & {*(done.out + done.err)}
