"""A real run becomes a baseline; a damaged weight is found, an unchanged file is not accused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

pytestmark = pytest.mark.slow

SUITE = """
[measure]
launches = 2
seconds_per_arm = 0.02
memory_processes = 1
[gate]
memory_processes = 2
[variants.teacher]
technique = "train"
model = { name = "mlp", hidden = [64] }
epochs = 2
[variants.student]
technique = "train"
model = { name = "mlp", hidden = [16] }
epochs = 2
"""


def call(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """As from a terminal: in a worker of pytest-xdist there would be no benchmarks, and no JSON."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTEST_XDIST_WORKER"}
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


def damage(path: Path) -> None:
    """Set the largest weight to zeros, as a broken exporter might."""
    model = onnx.load(path)
    weight = max(model.graph.initializer, key=lambda one: int(np.prod(one.dims)))
    zeros = np.zeros_like(numpy_helper.to_array(weight))
    weight.CopyFrom(numpy_helper.from_array(zeros, weight.name))
    onnx.save(model, path)


def rename(path: Path) -> None:
    """Other bytes, the same answers: as another exporter's file may be."""
    model = onnx.load(path)
    model.producer_name = "another"
    onnx.save(model, path)


def test_a_damaged_weight_is_found(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(SUITE)
    made = call(tmp_path, "compbench", "run", "mine.toml")
    assert made.returncode == 0, made.stderr
    saved = call(tmp_path, "compbench", "baseline", "save", "mine.toml")
    assert saved.stdout == "baseline: baselines/main\n", saved.stderr
    files = tmp_path / "files"
    files.mkdir()
    for name in ("teacher", "student"):
        (files / f"{name}.onnx").write_bytes(
            (tmp_path / f"baselines/main/{name}.onnx").read_bytes()
        )
    damage(files / "teacher.onnx")
    rename(files / "student.onnx")
    is_installed = any(entry.name == "compbench" for entry in entry_points(group="pytest11"))
    gated = call(
        tmp_path,
        "pytest",
        *(() if is_installed else ("-p", "compbench.pytest_plugin")),
        *("--compbench", "files", "--compbench-baseline", "main"),
        *("--benchmark-json", "gate.json", "--benchmark-histogram=h", "--junitxml", "gate.xml"),
    )
    assert gated.returncode == 1, gated.stdout + gated.stderr
    found = {
        one["params"]["variant"]: one["extra_info"]
        for one in json.loads((tmp_path / "gate.json").read_text())["benchmarks"]
    }
    assert found["teacher"]["gates"]["accuracy"]["verdict"] == "FAIL"
    assert found["teacher"]["verdict"] == "FAIL"
    assert "FAIL teacher[cpu_1thread]: " in gated.stdout
    unchanged = found["student"]
    assert unchanged["verdict"] in ("PASS", "INCONCLUSIVE") and unchanged["agreement"] == 1
    for gate in ("accuracy", "bytes", "memory"):
        assert unchanged["gates"][gate]["verdict"] == "PASS"
    assert "on 360 test samples" in unchanged["gates"]["accuracy"]["line"]
    assert list(tmp_path.glob("h*.svg"))
    assert 'name="compbench" value="FAIL"' in (tmp_path / "gate.xml").read_text()
