"""Baselines are written whole, verified when read, and replaced without losing the old one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from compbench import seal
from compbench.cli import main
from compbench.errors import UserError
from compbench.gate import baseline, baseline_tables, snapshot
from compbench.gate.baseline import Places
from compbench.make.store import Store
from compbench.tasks import regression
from tests.factory import ENVIRONMENT, SAMPLES, TARGET, make_row
from tests.kept import FILES, write_run


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "baselines", tmp_path / "results")


def test_a_baseline_has_the_files_rows_and_origin_of_a_run(places: Places) -> None:
    write_run(places.results, seeds=(3, 4), lost={"broken": "out of memory"})
    folder = baseline.save("mine", "main", places)
    found = baseline.load(folder)
    assert {name: path.read_bytes() for name, path in found.files.items()} == FILES
    record = found.record
    assert (record.suite, record.seed, record.saved[:2]) == ("mine", 3, "20")
    assert record.measured == "2026-01-02T03:04:05+00:00"
    assert (record.environment, record.git_commit) == (ENVIRONMENT, "0123456789ab")
    assert record.variants["student"].key == "student-3"
    assert record.lost == {"broken": "out of memory"}
    assert found.failure("broken", TARGET) == "out of memory"
    assert found.failure("student", TARGET) is None
    assert {row.seed for row in found.rows} == {3}
    correct = found.row("student", "score", TARGET)
    assert correct and correct.samples["score"].sum() == 0.9 * SAMPLES
    assert found.row("student", "latency_ns", TARGET) is None  # times are never stored
    parity = found.row("student", "parity_agreement", TARGET)
    assert parity and parity.value == 1


def test_the_suite_s_gate_is_recorded(places: Places, write_suite: Callable[[str], Path]) -> None:
    path = write_suite(
        '[gate]\nbytes_ratio = 3\n[variants.teacher]\ntechnique = "train"\nmodel = "mlp"\n'
    )
    write_run(places.results, suite_path=str(path))
    folder = baseline.save("mine", "main", places)
    path.unlink()
    assert (baseline.load(folder).record.gate or {})["bytes_ratio"] == 3


def test_what_is_promoted_replaces_the_old_one_which_is_kept(places: Places) -> None:
    write_run(places.results)
    folder = baseline.save("mine", "main", places)
    new = {"teacher": b"other"}
    write_run(places.results, new, started="2026-02-02T03:04:05+00:00")
    assert baseline.promote("mine", "main", places) == folder
    now = baseline.load(folder)
    assert [path.read_bytes() for path in now.files.values()] == [b"other"]
    old = baseline.load(places.baselines / "main.previous")
    assert {name: path.read_bytes() for name, path in old.files.items()} == FILES
    baseline.promote("main.previous", "main", places)  # back again
    assert [*baseline.load(folder).files] == [*FILES]
    names = {path.name for path in places.baselines.iterdir()}
    assert names == {"main", "main.previous"}


def test_a_baseline_is_itself_however_it_is_spelt(places: Places) -> None:
    write_run(places.results)
    folder = baseline.save("mine", "main", places)
    write_run(places.results, {"teacher": b"other"}, started="2026-02-02T03:04:05+00:00")
    baseline.promote("mine", "main", places)
    link = places.baselines.parent / "link"
    link.symlink_to(folder.resolve())
    for spelt in (str(folder.resolve()), f"{folder}/../main", str(link)):
        with pytest.raises(UserError, match="is the baseline 'main' already"):
            baseline.promote(spelt, "main", places)
    assert [*baseline.load(places.baselines / "main.previous").files] == [*FILES]


def test_a_launch_that_was_lost_is_no_failure_of_a_variant(places: Places) -> None:
    lost = make_row("student", "status", target=TARGET, launch=1, status="failed", reason="killed")
    record = snapshot.of_run(write_run(places.results), places.results).record
    assert snapshot.Snapshot("", record, {}, (lost,)).failure("student", TARGET) is None
    whole = replace(lost, launch=-1)
    assert snapshot.Snapshot("", record, {}, (lost, whole)).failure("student", TARGET) == "killed"


def test_bare_files_tell_no_metric_and_no_suite(places: Places, tmp_path: Path) -> None:
    task = {"name": "regression", "options": {}, **regression.Task().says()}
    run = write_run(places.results, task=task)
    made = snapshot.of_run(run, places.results)
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "teacher.onnx").write_bytes(b"x")
    bare = snapshot.of_files(tmp_path / "bare")
    for sides in ((made, bare), (bare, made)):
        heads = {head for row in baseline_tables.differences(*sides) for head in row}
        assert f"RMSE on {TARGET}" in heads and f"accuracy on {TARGET}" not in heads
        assert not [*baseline_tables.notes(*sides)]


def test_a_baseline_that_can_t_be_finished_leaves_nothing(places: Places, monkeypatch) -> None:
    write_run(places.results)

    def full(*_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(baseline, "write_whole", full)
    with pytest.raises(OSError, match="no space"):
        baseline.save("mine", "main", places)
    assert list(places.baselines.iterdir()) == []


def test_a_replacement_that_fails_midway_is_undone(places: Places, monkeypatch) -> None:
    write_run(places.results)
    folder = baseline.save("mine", "main", places)
    before, rename = baseline.load(folder).record, baseline.os.replace

    def failing(source: Path, to: Path) -> None:
        if source.name.startswith(".tmp-main") and to == folder:
            raise OSError("torn")
        rename(source, to)

    monkeypatch.setattr(baseline.os, "replace", failing)
    with pytest.raises(OSError, match="torn"):
        baseline.promote("mine", "main", places)
    assert baseline.load(folder).record == before
    assert [path.name for path in places.baselines.iterdir()] == ["main"]


def test_a_difference_names_what_came_went_and_changed(places: Places) -> None:
    write_run(places.results)
    before = baseline.load(baseline.save("mine", "main", places))
    new = {"teacher": FILES["teacher"], "student": b"S" * 250, "tiny": b"x"}
    after = snapshot.of_run(
        write_run(places.results, new, started="2026-02-02T03:04:05+00:00"), places.results
    )
    rows = {row["variant"]: row for row in baseline_tables.differences(before, after)}
    assert {name: row["change"] for name, row in rows.items()} == {
        "teacher": "same file",
        "student": "changed",
        "tiny": "added",
    }
    assert rows["student"]["bytes"] == "100 B → 250 B"
    assert rows["tiny"][f"accuracy on {TARGET}"] == "– → 90.00 %"
    back = {row["variant"]: row for row in baseline_tables.differences(after, before)}
    assert back["tiny"]["change"] == "gone" and back["tiny"]["parameters"] == "1,000 → –"


def test_bare_files_are_named_after_variants(tmp_path: Path) -> None:
    (tmp_path / "student.onnx").write_bytes(b"s")
    found = snapshot.of_files(tmp_path)
    assert [*found.files] == ["student"] and found.record.suite == ""


def call(capsys, monkeypatch, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "argv", ["compbench", "baseline", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main.main()
    code, captured = stopped.value.code, capsys.readouterr()
    return code if isinstance(code, int) else 0, captured.out, captured.err


def test_the_commands(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "results")
    assert call(capsys, monkeypatch, "save", "mine") == (0, "baseline: baselines/main\n", "")
    assert call(capsys, monkeypatch, "save", "main", "--name", "other")[0] == 0
    (tmp_path / "baselines/other/student.onnx").write_bytes(b"damage")
    code, out, _ = call(capsys, monkeypatch, "list")
    assert code == 0 and "500 B" in out and "student.onnx is damaged" in out
    code, out, _ = call(capsys, monkeypatch, "diff", "main", "mine")
    assert code == 0 and out.count("same file") == 2


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("save", "mina"), ("no run of 'mina'", "did you mean 'mine'?")),
        (("save", "mine"), ("main is there already", "baseline promote mine main", "previous")),
        (("save", "mine", "--name", "a/b"), ("letters, digits, '_' and '-' only: 'a/b'",)),
        (
            ("promote", "mine", "mian"),
            ("no baseline 'mian'", "did you mean 'main'?", "baseline save mine --name mian"),
        ),
        (("promote", "main", "main"), ("is the baseline 'main' already",)),
        (("save", "bare", "--name", "new"), ("bare files only",)),
        (("save", "empty", "--name", "new"), ("neither run.json, baseline.json nor ONNX files",)),
        (("diff", "main", "stopped"), ("was stopped before its end", "compbench run suites/")),
        (("diff", "main", "lost"), ("artifact of 'gone'", "make it: compbench run")),
        (("diff", "main", "damaged"), ("model.onnx differs from its checksum", "compbench run")),
        (("diff", "both", "main"), ("a baseline and a suite with runs: name the folder",)),
    ],
)
def test_wrong_input_is_one_line(
    arguments: tuple[str, ...], parts: tuple[str, ...], tmp_path: Path, capsys, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    results = tmp_path / "results"
    write_run(results)
    baseline.save("mine", "main", Places())
    write_run(results, suite="stopped", finished=None)
    write_run(results, {"gone": b"g"}, suite="lost")
    write_run(results, {"bad": b"b"}, suite="damaged")
    write_run(results, suite="both")
    baseline.save("both", "both", Places())
    store = Store(results)
    (store.root / "bad-0" / "model.onnx").write_bytes(b"x")
    (store.root / "gone-0").rename(tmp_path / "elsewhere")
    (tmp_path / "empty").mkdir()
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare/student.onnx").write_bytes(b"s")
    before = sorted(tmp_path.rglob("*"))
    code, out, err = call(capsys, monkeypatch, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: ")
    for part in parts:
        assert part in err
    assert sorted(tmp_path.rglob("*")) == before


def _edit(folder: Path, **changes: object) -> None:
    path = folder / baseline.RECORD
    content = json.loads(path.read_text()) | changes
    del content[seal.SUM]
    path.write_bytes(seal.json_text(content))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "student.onnx").write_bytes(b"x"), r"student.onnx is damaged: its sha256"),
        (lambda f: (f / "student.onnx").unlink(), r"student.onnx is missing"),
        (lambda f: (f / "rows/baseline.jsonl").write_text(""), r"baseline.jsonl is damaged"),
        (lambda f: (f / "baseline.json").write_text("{"), r"baseline.json is damaged"),
        (lambda f: (f / "baseline.json").unlink(), r"has no baseline.json"),
        (lambda f: _edit(f, format=9), r"has format 9; this compbench reads up to 2"),
        (
            lambda f: _edit(f, variants={"a": {"sha256": "0", "file": "../../a.onnx"}}),
            r"baseline.json is damaged: it: variants.a.file: '../../a.onnx' begins with a dot",
        ),
    ],
)
def test_damage_is_named(damage: Callable[[Path], object], message: str, places: Places) -> None:
    write_run(places.results)
    folder = baseline.save("mine", "main", places)
    damage(folder)
    with pytest.raises(UserError, match=message):
        baseline.load(folder)


def test_its_rows_come_back_as_they_were(places: Places) -> None:
    path = write_run(places.results)
    ours = snapshot.of_run(path, places.results).rows
    theirs = baseline.load(baseline.save("mine", "main", places)).rows
    assert len(ours) == len(theirs) > 10
    for one, other in zip(ours, theirs, strict=True):
        assert (one.variant, one.metric, one.value) == (other.variant, other.metric, other.value)
        for name, column in one.samples.items():
            np.testing.assert_array_equal(column, other.samples[name])


def test_weights_in_other_files_are_refused_by_name(tmp_path: Path) -> None:
    """A gate would neither count nor compare them."""
    weights = numpy_helper.from_array(np.zeros((64, 64), np.float32), "w")
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 64]) for n in "xy")
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    model = helper.make_model(helper.make_graph([node], "net", [x], [y], [weights]))
    onnx.save(model, tmp_path / "net.onnx")
    assert [*snapshot.of_files(tmp_path).files] == ["net"]
    onnx.save(
        model,
        tmp_path / "net.onnx",
        save_as_external_data=True,
        location="net.data",
        size_threshold=0,
    )
    with pytest.raises(UserError, match=r"net\.onnx has weights in other files \(net\.data\)"):
        snapshot.of_files(tmp_path)
