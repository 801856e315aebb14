"""The whole path as a user walks it: a suite of all five families on real digits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks.killing import SUITE, finish, hashes, kill_often

pytestmark = pytest.mark.slow

JOBS = 7


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("suite") / "mine.toml"
    path.write_text(SUITE)
    return path


@pytest.fixture(scope="module")
def done(suite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("done")
    out = finish(suite, folder)
    assert out.count("make ") == JOBS
    assert out.rstrip().endswith(f"report: {folder}/reports/mine/README.md")
    return folder


def test_the_report_has_every_variant_and_its_pictures(done: Path) -> None:
    folder = done / "reports" / "mine"
    report = (folder / "README.md").read_text()
    for variant in ("teacher", "student", "student_kd", "pruned", "low_rank", "int8", "aware"):
        assert f"| {variant} " in report or f"| **{variant}** " in report
    assert "teacher → pruned → low_rank → quantize_static" in report
    pictures = {path.name for path in folder.glob("*.png")}
    always = ("pareto", "speed", "latency", "classes", "soft-labels")
    assert pictures >= {"training.png", *(f"{kind}-cpu_1thread.png" for kind in always)}
    assert all(f"({name})" in report for name in pictures)
    assert all((folder / name).stat().st_size > 10_000 for name in pictures)


def test_a_second_run_makes_nothing_again(done: Path, suite: Path) -> None:
    before = hashes(done)
    out = finish(suite, done)
    assert "make " not in out
    assert out.count("time cpu_1thread, launch") == 2
    assert hashes(done) == before
    assert len(list((done / "results" / "runs" / "mine").iterdir())) == 2


def test_a_damaged_artifact_is_made_again(done: Path, suite: Path) -> None:
    before = hashes(done)
    manifests = (done / "results" / "artifacts").glob("*/manifest.json")
    contents = (json.loads(path.read_text()) for path in manifests)
    key = next(content["key"] for content in contents if content["variant"] == "pruned")
    model = done / "results" / "artifacts" / key / "model.onnx"
    model.write_bytes(model.read_bytes()[:-7])
    out = finish(suite, done)
    assert out.count("make ") == 1
    assert "make pruned" in out
    assert hashes(done) == before


def test_killed_anywhere_the_next_run_ends_with_the_same_artifacts(
    suite: Path, tmp_path: Path
) -> None:
    made, wrong = kill_often(suite, tmp_path, times=3, seed=1)
    assert wrong == []
    assert len(made) == JOBS
