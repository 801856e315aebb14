"""Only what compbench wrote itself is written over or removed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compbench.errors import UserError
from compbench.own_folder import AGAIN, LIST, OwnFolder


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {LIST}


def test_what_an_owner_wrote_before_and_no_more_goes_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    OwnFolder(folder, "report").put({"a.png": b"a", "README.md": b"1"}, all_of_it=True)
    OwnFolder(folder, "history").put({"history.png": b"h"})
    (folder / "logo.png").write_bytes(b"mine")
    OwnFolder(folder, "report").put({"b.png": b"b", "README.md": b"2"}, all_of_it=True)
    assert names(folder) == {"b.png", "README.md", "history.png", "logo.png"}
    assert (folder / "README.md").read_bytes() == b"2"
    OwnFolder(folder, "history").put({"other.png": b"h"})  # some of it: the others stay
    assert names(folder) >= {"history.png", "other.png"}


def test_a_file_of_its_own_that_a_person_changed_is_not_removed(tmp_path: Path) -> None:
    OwnFolder(tmp_path, "report").put({"a.png": b"a"}, all_of_it=True)
    (tmp_path / "a.png").write_bytes(b"drawn by hand")
    OwnFolder(tmp_path, "report").put({"b.png": b"b"}, all_of_it=True)
    assert names(tmp_path) == {"a.png", "b.png"}


@pytest.mark.parametrize("kind", ["file", "folder", "link", "dangling"])
def test_nothing_is_written_over_a_stranger_s_file(kind: str, tmp_path: Path) -> None:
    folder, other = tmp_path / "mine", tmp_path / "other"
    folder.mkdir()
    path = folder / "README.md"
    if kind == "file":
        path.write_text("# My project")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(other)
        if kind == "link":
            other.write_text("elsewhere")
    with pytest.raises(UserError, match=r"README\.md was not written by compbench: move it"):
        OwnFolder(folder, "report").put({"a.png": b"a", "README.md": b"new"}, all_of_it=True)
    assert {path.name for path in folder.iterdir()} == {"README.md"}
    assert kind != "file" or path.read_text() == "# My project"
    assert kind != "link" or other.read_text() == "elsewhere"


def test_a_report_of_before_there_were_lists_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(f"# mine\n… # {AGAIN}, from the same samples")
    (tmp_path / "a.png").write_bytes(b"old")
    OwnFolder(tmp_path, "report").put({"a.png": b"new", "README.md": b"new"}, all_of_it=True)
    assert (tmp_path / "a.png").read_bytes() == b"new"


@pytest.mark.parametrize("name", ["../evil", "a/b", "..", ""])
def test_a_list_that_names_files_elsewhere_is_refused(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (tmp_path / "evil").write_bytes(b"")
    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    (folder / LIST).write_text(json.dumps({"written": {"report": {name: digest}}}))
    with pytest.raises(UserError, match=r"\.written\.json is damaged"):
        OwnFolder(folder, "report").put({"a.png": b"a"}, all_of_it=True)
    assert (tmp_path / "evil").exists()


@pytest.mark.parametrize("other", ["another", "a copy", "gone", "the same by a link"])
def test_what_is_of_another_suite_file_of_its_name_is_not_written_over(
    other: str, tmp_path: Path
) -> None:
    first, second = tmp_path / "a" / "mine.toml", tmp_path / "b" / "mine.toml"
    for path in (first, second):
        path.parent.mkdir()
    first.write_text("seeds = [0]")
    folder = tmp_path / "reports" / "mine"
    OwnFolder(folder, "report", first).put({"README.md": b"first"})
    OwnFolder(folder, "history").put({"history.png": b"h"})  # who does not say changes nothing
    if other == "the same by a link":
        second.symlink_to(first)
    else:
        second.write_text("seeds = [0]" if other == "a copy" else "seeds = [1]")
    if other == "gone":
        first.unlink()
    new = OwnFolder(folder, "report", second)
    if other == "another":
        with pytest.raises(UserError, match=rf"{folder} is of another suite .* {first}: rename"):
            new.put({"README.md": b"second"})
        assert (folder / "README.md").read_bytes() == b"first"
    else:
        new.put({"README.md": b"second"})
        assert (folder / "README.md").read_bytes() == b"second"
