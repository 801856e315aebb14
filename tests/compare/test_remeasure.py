from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from compbench.compare import match, remeasure
from compbench.compare.compare import SAME_FILE
from compbench.compare.match import Side
from compbench.compare.remeasure import Places
from compbench.errors import JobFailed, UserError
from compbench.gate import paired_timing
from compbench.gate.check import Verdict
from compbench.gate.paired_timing import Comparison
from compbench.make.store import MODEL
from compbench.onnxfile import metadata
from compbench.results import record
from compbench.results.folder import new_folder, read_rows, write_rows
from compbench.results.record import Run
from compbench.results.row import Row
from tests.cli.test_main import Result, compbench, refused
from tests.factory import TARGET, exactly, lineage, make_run, status_row, variant_rows, with_keys
from tests.nets import image_signature

__all__ = ["Result", "compbench"]  # the fixture of the command line

VARIANTS = {"teacher": lineage(), "student": lineage(), "small": lineage()}
RUN = make_run(VARIANTS)
FOUND = Comparison(exactly(1.25), exactly(1), Verdict.FAIL, 10)


def rows_of(run: Run, folder: Path | None, content: str) -> list[Row]:
    """A run's rows, and in the store a file of this content for each variant but the teacher."""
    rows = []
    for row in (row for name in run.variants for row in variant_rows(run, name)):
        own = "teacher" if row.variant == "teacher" else f"{content} {row.variant}"
        key = own.replace(" ", "-")
        if row.metric == "file":
            sha256 = hashlib.sha256(own.encode()).hexdigest()
            row = replace(row, samples={**row.samples, "sha256": np.array([sha256])})
            if folder is not None:
                path = folder / "artifacts" / key / MODEL
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(own)
        rows.append(replace(row, key=key))
    return rows


@pytest.fixture
def asked(monkeypatch) -> list[tuple[tuple[str, str], Any]]:
    """What the gate was asked to measure; it always finds `FOUND`."""
    calls = []

    def compare(files: tuple[str, str], target: Any, inputs: Any, limits: Any) -> Comparison:
        calls.append((files, target))
        return FOUND

    monkeypatch.setattr(paired_timing, "compare", compare)
    monkeypatch.setattr(
        remeasure, "_inputs", lambda run, folder: {"pixels": np.zeros((2, 1, 8, 8))}
    )
    return calls


def sides(a: Iterable[Row], b: Iterable[Row], run_a: Run = RUN, run_b: Run = RUN) -> list[Side]:
    return [match.side("a", run_a, a), match.side("b", run_b, b)]


def test_files_that_differ_are_measured_b_against_a(tmp_path: Path, asked: list) -> None:
    told: list[str] = []
    here, there = tmp_path / "here", tmp_path / "there"
    a, b = sides(rows_of(RUN, there, "old"), rows_of(RUN, here, "new"))
    found = remeasure.remeasure(a, b, Places((here, there), tmp_path), told.append)
    assert found == {
        ("teacher", TARGET): SAME_FILE,
        ("student", TARGET): FOUND,
        ("small", TARGET): FOUND,
    }
    (files, target), _ = asked
    assert [Path(file).read_text() for file in files] == ["new student", "old student"]
    assert (target.provider, target.threads) == ("cpu", 1)
    assert told == [
        f"  [1/2] both files of student side by side on {TARGET}",
        f"  [2/2] both files of small side by side on {TARGET}",
    ]


def test_what_is_not_in_the_store_or_damaged_there_has_its_reason(
    tmp_path: Path, asked: list
) -> None:
    a, b = sides(rows_of(RUN, tmp_path, "old"), rows_of(RUN, tmp_path, "new"))
    (tmp_path / "artifacts" / "old-student" / MODEL).unlink()
    (tmp_path / "artifacts" / "new-small" / MODEL).write_text("something else")
    found = remeasure.remeasure(a, b, Places((tmp_path,), tmp_path), print)
    assert found["student", TARGET] == "A's file is not in the store"
    assert found["small", TARGET] == "B's file in the store has another checksum"
    assert asked == []


def test_a_whole_file_elsewhere_replaces_a_damaged_one(tmp_path: Path, asked: list) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        a, b = sides(rows_of(RUN, folder, "old"), rows_of(RUN, folder, "new"))
    (here / "artifacts" / "old-student" / MODEL).write_text("something else")
    found = remeasure.remeasure(a, b, Places((here, there), tmp_path), lambda line: None)
    assert found["student", TARGET] == FOUND
    assert asked[0][0][1] == str(there / "artifacts" / "old-student" / MODEL)


def test_a_target_that_is_not_here_and_a_failed_variant_are_not_measured(
    tmp_path: Path, asked: list
) -> None:
    targets = {**RUN.targets, "mac": RUN.targets[TARGET] | {"provider": "coreml"}}
    run = make_run(VARIANTS, targets=targets)
    old = [*rows_of(run, tmp_path, "old"), status_row("small", "out of memory")]
    a, b = sides(old, rows_of(run, tmp_path, "new"), run, run)
    found = remeasure.remeasure(a, b, Places((tmp_path,), tmp_path), lambda line: None)
    assert str(found["student", "mac"]).startswith("this ONNX Runtime has no CoreML")
    assert found["student", TARGET] == FOUND
    assert not [where for where in found if where[0] == "small"]


def test_other_seeds_and_other_shapes_are_not_measured(tmp_path: Path, asked: list) -> None:
    other = make_run(VARIANTS, seeds=(1,))
    a, b = sides(rows_of(RUN, tmp_path, "old"), rows_of(other, tmp_path, "new"), RUN, other)
    found = remeasure.remeasure(a, b, Places((tmp_path,), tmp_path), print)
    assert set(found.values()) == {"no seed of it is in both runs"}
    larger = make_run(VARIANTS, dataset=RUN.dataset | {"inputs": {}})
    a, b = sides(rows_of(RUN, tmp_path, "old"), rows_of(larger, tmp_path, "new"), RUN, larger)
    found = remeasure.remeasure(a, b, Places((tmp_path,), tmp_path), print)
    assert found["small", TARGET] == "the runs' inputs have different shapes"
    assert asked == []


def test_a_measurement_that_fails_is_a_reason(tmp_path: Path, asked: list, monkeypatch) -> None:
    def compare(*_: Any) -> Comparison:
        raise JobFailed("the measuring process was killed twice (SIGKILL)")

    monkeypatch.setattr(paired_timing, "compare", compare)
    a, b = sides(rows_of(RUN, tmp_path, "old"), rows_of(RUN, tmp_path, "new"))
    found = remeasure.remeasure(a, b, Places((tmp_path,), tmp_path), lambda line: None)
    assert found["small", TARGET] == "the measuring process was killed twice (SIGKILL)"


def test_without_the_dataset_nothing_is_measured(tmp_path: Path) -> None:
    run = make_run(VARIANTS, dataset=RUN.dataset | {"name": "mnist"})
    a, b = sides(rows_of(run, tmp_path, "old"), rows_of(run, tmp_path, "new"), run, run)
    message = f"mnist, .*, is not under {re.escape(str(tmp_path))}; name its folder with --data-dir"
    with pytest.raises(UserError, match=message):
        remeasure.remeasure(a, b, Places((tmp_path,), tmp_path), print)


def write(root: Path, content: str, started: str, run: Run = RUN) -> Path:
    folder = new_folder(root, run.suite, started)
    rows = rows_of(run, root, content)
    record.write_run(folder, with_keys(run, rows).model_copy(update={"started": started}))
    write_rows(folder, "all", rows)
    return folder


def test_the_command_compares_and_measures(compbench, tmp_path: Path, asked: list) -> None:
    root = tmp_path / "results"
    write(root, "old", "2026-01-02T03:04:05+00:00")
    write(root, "new", "2026-01-03T03:04:05+00:00")
    plain = compbench("compare", "mine@previous", "mine")
    assert (plain.code, plain.err) == (0, "")
    assert "STORED TIMES OF DIFFERENT MOMENTS" in plain.out
    assert asked == []
    again = compbench("compare", "mine@previous", "mine", "--remeasure", "--format", "csv")
    assert again.code == 0
    assert len(asked) == 2
    assert again.out.splitlines()[0].startswith("variant,target,status,accuracy_a,")
    assert again.out.count(",side by side,FAIL,") == 2
    assert again.err.count("side by side") == 2


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["mine", "mien"], "no run of 'mien' under results; did you mean 'mine'?"),
        (["mine", "mine"], "the run before the newest is mine@previous"),
        (["mine", "folder"], "folder is not a run: it has no run.json"),
        (["mine@previous", "mine", "--format", "jsn"], "did you mean 'json'?"),
        (
            ["mine", "other"],
            "no variant is in both runs: A's 'student'; did you mean 'student_kd'?",
        ),
    ],
)
def test_what_can_t_be_compared_is_one_line(
    compbench, tmp_path: Path, arguments: list[str], part: str
) -> None:
    (tmp_path / "folder").mkdir()
    for day in (2, 3):
        write(tmp_path / "results", "old", f"2026-01-0{day}T03:04:05+00:00")
    other = make_run({"student_kd": lineage()}, suite="other")
    write(tmp_path / "results", "other", "2026-01-02T03:04:05+00:00", other)
    result = compbench("compare", *arguments)
    refused(result, part)
    assert result.out == ""


def net(hidden: int) -> bytes:
    """Digits -> ten logits through one hidden layer of zeros."""
    shapes = {"w": (784, hidden), "v": (hidden, 10)}
    nodes = [("Flatten", ["input"], "x"), ("MatMul", ["x", "w"], "h"), ("MatMul", ["h", "v"], "y")]
    graph = helper.make_graph(
        [helper.make_node(name, inputs, [output]) for name, inputs, output in nodes],
        "net",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 1, 28, 28])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 10])],
        [numpy_helper.from_array(np.zeros(s, np.float32), name) for name, s in shapes.items()],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
    signature = image_signature(1, 28, 28, classes=10)
    feeds = [replace(feed, name="input") for feed in signature.feeds()]
    return metadata.fed(model.SerializeToString(), feeds)


@pytest.mark.slow
def test_real_files_are_measured_on_real_images(compbench, tmp_path: Path) -> None:
    root = tmp_path / "results"
    run = make_run({"teacher": lineage(), "student": lineage()})
    for content, hidden, day in (("old", 8, 2), ("new", 2_000, 3)):
        folder = write(root, content, f"2026-01-0{day}T03:04:05+00:00", run)
        (root / "artifacts" / f"{content}-student" / MODEL).write_bytes(net(hidden))
        sha256 = np.array([hashlib.sha256(net(hidden)).hexdigest()])
        rows = [
            replace(row, samples={**row.samples, "sha256": sha256})
            if (row.variant, row.metric) == ("student", "file")
            else row
            for row in read_rows(folder)
        ]
        write_rows(folder, "all", rows)
    arguments = ("compare", "mine@previous", "mine", "--remeasure", "--format", "json")
    found = json.loads(compbench(*arguments).out)["lines"]
    teacher, student = found
    assert teacher["speed_basis"] == "same file"
    assert (student["speed_basis"], student["notes"]) == ("side by side", "")
    assert student["verdict"] in {"FAIL", "INCONCLUSIVE"}  # never a pass of what is far larger
    assert student["speed_low"] < student["speed"] < student["speed_high"]
    assert student["speed"] < 1
