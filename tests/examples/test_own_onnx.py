"""The example of an ONNX file of scikit-learn's, run as a user would: outside of the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from compbench.results.folder import read_rows

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_onnx"


@pytest.mark.slow
def test_it_is_quantized_measured_and_distilled(tmp_path: Path) -> None:
    for name in ("own_onnx.toml", "own_digits.py", "classifier.onnx"):
        shutil.copy(EXAMPLE / name, tmp_path)
    command = [sys.executable, "-m", "compbench", "run", "own_onnx.toml", "--fast"]
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLE.parents[1])}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = (tmp_path / "results" / "runs" / "own_onnx").iterdir()
    rows = read_rows(folder)
    assert {row.status for row in rows} == {"ok"}
    scores = {
        row.variant: float(np.mean(next(iter(row.samples.values()))))
        for row in rows
        if row.metric in ("score", "accuracy")
    }
    assert {*scores} >= {"sklearn", "sklearn_int8", "sklearn_dynamic", "student_kd"}
    assert min(scores.values()) > 0.9
    assert (tmp_path / "results" / "reports" / "own_onnx" / "README.md").is_file()


@pytest.mark.slow
def test_the_classifier_is_made_by_its_script(tmp_path: Path) -> None:
    pytest.importorskip("skl2onnx")
    for name in ("classifier.py", "own_digits.py"):
        shutil.copy(EXAMPLE / name, tmp_path)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "ignore", "classifier.py"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    made, kept = (onnx.load(folder / "classifier.onnx") for folder in (tmp_path, EXAMPLE))
    assert [n.op_type for n in made.graph.node] == [n.op_type for n in kept.graph.node]
