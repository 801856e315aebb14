from __future__ import annotations

import re
from pathlib import Path

import pytest

from compbench.errors import UserError
from compbench.results import find, record
from compbench.results.folder import new_folder
from tests.factory import make_run

STAMPS = ("20260102T030405Z", "20260102T040000Z", "20260103T000000Z")


@pytest.fixture
def made(tmp_path: Path) -> Path:
    for started in ("2026-01-02T03:04:05", "2026-01-02T04:00:00", "2026-01-03T00:00:00"):
        folder = new_folder(tmp_path, "mine", f"{started}+00:00")
        record.write_run(folder, make_run())
    alone = new_folder(tmp_path, "alone", "2026-01-02T03:04:05+00:00")
    record.write_run(alone, make_run(suite="alone"))
    (tmp_path / "empty").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "stamp"),
    [
        ("mine", STAMPS[2]),
        ("suites/mine.toml", STAMPS[2]),
        ("mine@previous", STAMPS[1]),
        ("suites/mine.toml@previous", STAMPS[1]),
        ("mine@20260103", STAMPS[2]),
        ("mine@20260102T03", STAMPS[0]),
        ("mine@20260102T030405Z", STAMPS[0]),
    ],
)
def test_a_run_is_found(made: Path, name: str, stamp: str) -> None:
    assert find.find(made, name) == made / "runs" / "mine" / stamp


def test_a_folder_is_a_run_whatever_its_name(made: Path) -> None:
    moved = made / "runs" / "mine" / STAMPS[0]
    moved = moved.rename(made / "mine@home")
    assert find.find(made, str(moved)) == moved


def test_the_second_run_of_a_second_does_not_make_its_name_ambiguous(made: Path) -> None:
    record.write_run(new_folder(made, "mine", "2026-01-02T03:04:05+00:00"), make_run())
    assert find.find(made, f"mine@{STAMPS[0]}").name == STAMPS[0]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mien", "no run of 'mien' under .*; did you mean 'mine'?"),
        ("mien@previous", "no run of 'mien' under .*; did you mean 'mine'?"),
        ("mine@2027", "'mine' has no run whose time begins with '2027'"),
        ("mine@previuos", "begins with 'previuos'; did you mean 'previous'?"),
        ("mine@", "begins with ''; known: 20260102T030405Z, "),
        ("mine@20260102", f"may be any of {STAMPS[0]}, {STAMPS[1]}: name more of it"),
        ("alone@previous", "'alone' has one run only, .*: there is none before it"),
        ("other/mine.toml@previous", "the newest run of 'mine' is of suites/mine.toml"),
    ],
)
def test_what_is_no_run_is_said_with_the_nearest(made: Path, name: str, message: str) -> None:
    with pytest.raises(UserError, match=message.replace("?", r"\?")):
        find.find(made, name)


def test_a_folder_that_is_no_run_is_said_to_be_none(made: Path) -> None:
    with pytest.raises(UserError, match=r"empty is not a run: it has no run\.json"):
        find.find(made, str(made / "empty"))


@pytest.mark.parametrize("other", ["mine", "mine@20260103", "runs/mine/20260103T000000Z"])
def test_a_run_is_not_compared_with_itself(made: Path, monkeypatch, other: str) -> None:
    monkeypatch.chdir(made)
    with pytest.raises(UserError, match=re.escape(f"mine and {other} are the same run, ")) as told:
        find.find_both(Path(), "mine", other)
    assert "the run before the newest is mine@previous" in str(told.value)


def test_two_runs_come_in_the_order_they_were_named(made: Path) -> None:
    a, b = find.find_both(made, "mine", "mine@previous")
    assert (a.name, b.name) == (STAMPS[2], STAMPS[1])
