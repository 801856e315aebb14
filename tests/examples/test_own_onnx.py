"""The example of an ONNX file of scikit-learn's, run as a user would: outside of the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from tests.examples import outside

EXAMPLE = outside.EXAMPLES / "own_onnx"


@pytest.mark.slow
def test_it_is_quantized_measured_and_distilled(tmp_path: Path) -> None:
    done = outside.run(outside.copied("own_onnx", tmp_path, epochs=None), tmp_path)
    assert not done.failures()
    scores = done.scores()
    assert {*scores} >= {"sklearn", "sklearn_int8", "sklearn_dynamic", "student_kd"}
    assert min(scores.values()) > 0.9


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
