"""`compbench verify FILE`: a deployed file is locked to the teacher that it was made from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from compbench.make.store import MODEL, Manifest, Store
from compbench.onnxfile import metadata
from compbench.results.folder import new_folder, write_rows
from compbench.results.record import Run, write_run
from compbench.results.row import Row
from tests.cli.test_main import Result, compbench, refused  # noqa: F401, a fixture
from tests.factory import lineage, make_run

Command = Callable[..., Result]
OLD, NEW = "2026-01-02T03:04:05+00:00", "2026-02-03T04:05:06+00:00"
VARIANTS = {"teacher": lineage(), "kd": lineage("distill", "teacher")}


def model(key: str, *above: tuple[str, str, list[str]], own: str = "train") -> bytes:
    """A file that says so of itself; its last parent is the last of those above."""
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [value], [out])
    steps = [{"technique": t, "key": k, "parents": p} for t, k, p in above]
    steps.append({"technique": own, "key": key, "parents": [s["key"] for s in steps[-1:]]})
    file = helper.make_model(graph).SerializeToString()
    return metadata.written(file, {"key": key, "lineage": json.dumps(steps)})


def put(store: Store, key: str, content: bytes) -> None:
    given = {"variant": "v", "technique": "train", "seed": 0, "parents": (), "files": {}}
    told = {"versions": {}, "made_at": OLD, "seconds": 1.0, "samples_seen": 0, "chosen_epoch": None}
    store.put(Manifest(key=key, **given, **told), {MODEL: content})


def put_run(results: Path, started: str, keys: tuple[str, ...]) -> None:
    run: Run = make_run(VARIANTS, seeds=(0,))
    folder = new_folder(results, "mine", started)
    write_rows(folder, "all", list[Row]())
    write_run(folder, run.model_copy(update={"started": started, "keys": keys}))


@pytest.fixture
def deployed(tmp_path: Path) -> Path:
    """A student of a teacher, whose run and artifacts are under `results`."""
    results = tmp_path / "results"
    student = model("k-kd", ("train", "k-teacher", []), own="distill")
    store = Store(results)
    with store.lock():
        put(store, "k-teacher", model("k-teacher"))
        put(store, "k-kd", student)
    put_run(results, OLD, ("k-teacher", "k-kd"))
    path = tmp_path / "shipped.onnx"
    path.write_bytes(student)
    return path


def test_a_file_says_where_it_comes_from(compbench: Command, deployed: Path) -> None:  # noqa: F811
    found = compbench("verify", str(deployed))
    assert found.code == 0
    first, *steps, last = found.out.splitlines()
    assert first == f"{deployed}: kd (seed 0) of mine, on the dataset digits"
    assert steps == ["  k-teacher 'teacher': train", "  k-kd 'kd': distill of teacher"]
    assert last == "as it was made: 1 ancestor in the store"


def test_a_teacher_made_anew_is_told(compbench: Command, deployed: Path) -> None:  # noqa: F811
    put_run(deployed.parent / "results", NEW, ("k-other", "k-student"))
    found = compbench("verify", str(deployed))
    assert found.code == 1
    assert "'teacher' of mine is another by now: k-teacher became k-other" in found.out


def test_a_run_of_the_same_teacher_changes_nothing(compbench: Command, deployed: Path) -> None:  # noqa: F811
    put_run(deployed.parent / "results", NEW, ("k-teacher", "k-student"))
    assert compbench("verify", str(deployed)).code == 0


def test_a_teacher_that_is_gone_or_damaged_is_told(compbench: Command, deployed: Path) -> None:  # noqa: F811
    teacher = deployed.parent / "results" / "artifacts" / "k-teacher"
    (teacher / MODEL).write_bytes(b"other")
    found = compbench("verify", str(deployed))
    assert found.code == 1 and f"{teacher.relative_to(deployed.parent)}" in found.out
    assert "is damaged" in found.out
    for path in teacher.iterdir():
        path.unlink()
    teacher.rmdir()
    found = compbench("verify", str(deployed))
    assert found.code == 1 and "k-teacher (train), is not in" in found.out


def test_a_file_that_was_changed_is_told(compbench: Command, deployed: Path) -> None:  # noqa: F811
    changed = onnx.load_model_from_string(deployed.read_bytes())
    changed.graph.name = "another"
    deployed.write_bytes(changed.SerializeToString())
    found = compbench("verify", str(deployed))
    assert found.code == 1 and "it was changed since" in found.out


def test_a_file_without_ancestors_and_run(compbench: Command, deployed: Path) -> None:  # noqa: F811
    deployed.write_bytes(model("k-alone"))
    found = compbench("verify", str(deployed))
    assert found.code == 0
    assert "of no run under results" in found.out and "it was made from nothing" in found.out


def bad(text: str, key: str = "k") -> bytes:
    return metadata.written(model("k"), {"key": key, "lineage": text})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "can't be read: No such file or directory"),
        (b"\xff\xff", "is no ONNX file"),
        (b"", "does not say what it was made from"),
        (bad("{"), "does not say what it was made from"),
        (bad('[{"technique": "x", "key": "../../up", "parents": []}]'), "does not say"),
        (bad("[]"), "says two things of what it is"),
        (bad('[{"technique": "x", "key": "a", "parents": []}]'), "says two things of what it is"),
    ],
)
def test_other_files_are_refused(compbench: Command, content: bytes | None, message: str) -> None:  # noqa: F811
    path = Path("odd.onnx")
    if content is not None:
        path.write_bytes(content)
    refused(compbench("verify", str(path)), message)
