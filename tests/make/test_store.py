from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from compbench.errors import UserError
from compbench.files import write_whole
from compbench.make.store import Manifest, Store


def manifest(key: str = "k") -> Manifest:
    return Manifest(
        key=key,
        variant="v",
        technique="train",
        seed=0,
        parents=(),
        files={},
        versions={},
        made_at="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        samples_seen=0,
        chosen_epoch=None,
    )


def test_what_was_put_is_found(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.lock():
        store.put(manifest(), {"a": b"1", "b": b"2"})
        found = store.find("k")
    assert found is not None
    assert (found.read("a"), found.read("b")) == (b"1", b"2")
    assert list(found.manifest.files) == ["a", "b"]
    assert store.find("other") is None


@pytest.mark.parametrize("damage", ["change", "remove", "manifest", "no manifest"])
def test_damage_is_warned_of_and_replaced(tmp_path: Path, damage: str) -> None:
    store = Store(tmp_path)
    with store.lock():
        folder = store.put(manifest(), {"a": b"1"}).folder
        if damage == "change":
            (folder / "a").write_bytes(b"2")
        elif damage == "remove":
            (folder / "a").unlink()
        elif damage == "manifest":
            (folder / "manifest.json").write_text("{")
        else:
            (folder / "manifest.json").unlink()
        with pytest.warns(UserWarning, match="is damaged .* will be made again"):
            assert store.find("k") is None
        store.put(manifest(), {"a": b"1"})
        assert store.find("k") is not None


def test_what_was_cut_off_never_looks_finished(tmp_path: Path, monkeypatch) -> None:
    store = Store(tmp_path)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with store.lock():
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            store.put(manifest(), {"a": b"1"})
        assert store.find("k") is None
        assert [p.name for p in store.root.iterdir()] == [".lock"]


def test_a_killed_run_leaves_nothing_behind(tmp_path: Path) -> None:
    store = Store(tmp_path)
    half = store.root / ".tmp-k"
    half.mkdir(parents=True)
    (half / "a").write_bytes(b"hal")
    with store.lock():
        assert not half.exists()
        assert store.find("k") is None


def test_one_run_at_a_time(tmp_path: Path) -> None:
    with (
        Store(tmp_path).lock(),
        pytest.raises(UserError, match="another compbench run"),
        Store(tmp_path).lock(),
    ):
        pass


def test_write_whole_keeps_the_old_file_when_it_fails(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "x"
    write_whole(path, b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


ODD = {
    "a file": lambda path: path.write_bytes(b"own"),
    "a link": lambda path: path.symlink_to(path.parents[1] / "elsewhere"),
    "a dangling link": lambda path: path.symlink_to(path.parents[1] / "nowhere"),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_in_an_artifact_s_place_is_neither_followed_nor_removed(
    tmp_path: Path, kind: str
) -> None:
    store = Store(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "own").write_bytes(b"own")
    with store.lock():
        ODD[kind](store.root / "k")
        for use in (lambda: store.find("k"), lambda: store.put(manifest(), {"a": b"1"})):
            with pytest.raises(UserError, match="where an artifact's folder should be: take it"):
                use()
        assert "should be" in store.problem("k")
        assert [*store.manifests()] == []
    assert (elsewhere / "own").read_bytes() == b"own"
    assert (store.root / "k").is_symlink() or (store.root / "k").is_file()


@pytest.mark.parametrize("kind", ODD)
def test_leftovers_of_odd_kinds_are_taken_away_and_not_followed(tmp_path: Path, kind: str) -> None:
    store = Store(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "own").write_bytes(b"own")
    store.root.mkdir()
    ODD[kind](store.root / ".tmp-k")
    with store.lock():
        store.put(manifest(), {"a": b"1"})
        assert store.problem("k") == ""
    assert (elsewhere / "own").read_bytes() == b"own"


def test_a_dangling_link_among_the_trainings_hurts_nobody(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.unfinished("k").parent.mkdir(parents=True)
    store.unfinished("k").symlink_to(tmp_path / "nowhere")
    with store.lock():
        pass
    assert store.unfinished("k").is_symlink()


@pytest.mark.parametrize("damage", ["no files", "linked file", "another's"])
def test_artifacts_that_were_not_written_so_are_damaged(tmp_path: Path, damage: str) -> None:
    store = Store(tmp_path)
    with store.lock():
        folder = store.put(manifest(), {"a": b"1"} if damage != "no files" else {}).folder
        if damage == "linked file":
            (folder / "a").rename(tmp_path / "a")
            (folder / "a").symlink_to(tmp_path / "a")
        if damage == "another's":
            folder.rename(store.root / "other")
        key = "other" if damage == "another's" else "k"
        with pytest.warns(UserWarning, match="is damaged .* will be made again"):
            assert store.find(key) is None
        store.put(manifest(key), {"a": b"1"})
        assert store.problem(key) == ""


def test_a_lock_whose_file_was_removed_still_holds(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.lock():
        (store.root / ".lock").unlink()
        with pytest.raises(UserError, match="another compbench run"), Store(tmp_path).lock():
            pass
    with store.lock():
        pass


def test_what_is_removed_is_gone_as_a_whole(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.lock():
        store.remove(store.put(manifest(), {"a": b"1"}).folder)
        store.unfinished("k").mkdir(parents=True)
        assert store.trainings() == [store.unfinished("k")]
        store.remove(store.unfinished("k"))
    assert (store.folders(), store.trainings()) == ([], [])
