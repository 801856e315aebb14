"""`compbench verify` and `clean`: what is damaged, and what no run needs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from compbench.make.store import Manifest, Store
from compbench.results.folder import new_folder, write_rows
from compbench.results.record import write_run
from tests.cli.test_main import Result, compbench, refused  # noqa: F401, a fixture
from tests.factory import RUN_ROWS, make_run, with_keys

Command = Callable[..., Result]
OLD, NEW = "2026-01-02T03:04:05+00:00", "2026-02-03T04:05:06+00:00"


def put(store: Store, key: str, content: bytes = b"1") -> None:
    store.put(
        Manifest(
            key=key,
            variant="teacher",
            technique="train",
            seed=0,
            parents=(),
            files={},
            versions={},
            made_at=OLD,
            seconds=1.0,
            samples_seen=0,
            chosen_epoch=None,
        ),
        {"model.onnx": content},
    )


def put_run(results: Path, started: str, *keys: str) -> Path:
    run = with_keys(make_run(), RUN_ROWS)
    folder = new_folder(results, "mine", started)
    write_rows(folder, "all", RUN_ROWS)
    write_run(folder, run.model_copy(update={"started": started, "keys": (*run.keys, *keys)}))
    return folder


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two runs of a suite, the files that each of them needs, and one that neither does."""
    made = tmp_path / "results"
    put_run(made, OLD, "of-both", "of-old")
    put_run(made, NEW, "of-both", "of-new")
    store = Store(made)
    with store.lock():
        for key in ("of-old", "of-both", "of-new", "of-none"):
            put(store, key)
    for key in ("of-new", "of-none"):
        store.unfinished(key).mkdir(parents=True)
    return made


def keys(results: Path) -> list[str]:
    return [folder.name for folder in Store(results).folders()]


def test_what_no_run_needs_is_listed_and_then_removed(compbench: Command, results: Path) -> None:  # noqa: F811
    listed = compbench("clean")
    assert listed.code == 0
    assert "to remove: 2 folders that no run needs" in listed.out
    assert "add --delete" in listed.out
    assert "of-none" in listed.out and "of-old" not in listed.out
    assert keys(results) == ["of-both", "of-new", "of-none", "of-old"]
    assert "removed: 2 folders" in compbench("clean", "--delete").out
    assert keys(results) == ["of-both", "of-new", "of-old"]
    assert [path.name for path in Store(results).trainings()] == ["of-new"]
    assert "removed: 0 folders" in compbench("clean", "--delete").out


def test_what_only_old_runs_need_goes_where_it_is_asked_for(
    compbench: Command,  # noqa: F811
    results: Path,
) -> None:
    age = datetime.now(UTC) - datetime.fromisoformat(OLD)
    assert "of-old" not in compbench("clean", "--older-than", f"{age.days + 2}d").out
    compbench("clean", "--older-than", f"{(age - timedelta(days=2)).days}d", "--delete")
    assert keys(results) == ["of-both", "of-new"]
    compbench("clean", "--older-than", "0h", "--delete")  # each suite's newest run keeps its own
    assert keys(results) == ["of-both", "of-new"]
    assert len([*(results / "runs" / "mine").iterdir()]) == 2


@pytest.mark.parametrize("age", ["", "30", "d", "-1d", "1e9d", "nan d", "30 days"])
def test_an_age_that_is_none_is_one_line(compbench: Command, results: Path, age: str) -> None:  # noqa: F811
    refused(compbench("clean", "--older-than", age), "should be an age such as 30d")
    assert len(keys(results)) == 4


def test_nothing_is_removed_by_a_damaged_run_s_word(compbench: Command, results: Path) -> None:  # noqa: F811
    record = next((results / "runs").glob("*/*/run.json"))
    record.write_text(record.read_text().replace("of-old", "of-odd"))
    refused(compbench("clean", "--delete"), "run.json is damaged")
    assert len(keys(results)) == 4


def test_nothing_is_removed_beside_a_run_that_is_under_way(
    compbench: Command,  # noqa: F811
    results: Path,
) -> None:
    with Store(results).lock():
        refused(compbench("clean", "--delete"), "another compbench run is writing")
    assert len(keys(results)) == 4


def test_links_and_strangers_folders_stay(
    compbench: Command,  # noqa: F811
    results: Path,
    tmp_path: Path,
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (Store(results).root / "of-none").rename(elsewhere)
    (Store(results).root / "of-none").symlink_to(elsewhere)
    (Store(results).root / "own").mkdir()
    assert compbench("clean", "--delete").code == 0
    assert (elsewhere / "model.onnx").is_file()
    assert {"of-none", "own"} < {*keys(results)}


def test_where_nothing_is_there_is_nothing_to_do(compbench: Command, tmp_path: Path) -> None:  # noqa: F811
    assert "to remove: 0 folders" in compbench("clean").out
    assert "0 folders" in compbench("clean", "--delete").out
    verified = compbench("verify")
    assert (verified.code, verified.out.count("all whole")) == (0, 1)
    assert [*tmp_path.iterdir()] == []


def test_whole_is_whole_and_each_damage_is_a_line(
    compbench: Command,  # noqa: F811
    results: Path,
) -> None:
    saved = compbench("verify")
    assert saved.code == 0
    assert "4 artifacts and 2 runs under results, 0 baselines under baselines: all whole" in (
        saved.out
    )
    (Store(results).root / "of-old" / "model.onnx").write_bytes(b"2")
    (Store(results).root / "odd").write_bytes(b"")
    old, new = sorted((results / "runs" / "mine").iterdir())
    (old / "rows" / "all.jsonl").write_bytes(b"")
    (new / "run.json").write_bytes(b"{}")
    found = compbench("verify")
    assert found.code == 1
    *lines, last = found.out.splitlines()
    assert last.endswith("4 damaged")
    said = ("odd is a file", "model.onnx differs", "all.jsonl is damaged", "run.json is damaged")
    assert all(any(part in line for line in lines) for part in said)
    assert len(lines) == 4
