"""A file that ends ONNX Runtime with a segfault, from the suite to the report."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from compbench.results.folder import read_rows

pytestmark = pytest.mark.slow

SUITE = """
dataset = "digits"
[measure]
launches = 2
seconds_per_arm = 0.01
memory_processes = 1
[variants.teacher]
technique = "train"
model = "tests.transformer:Model"
epochs = 1
[variants.half]
technique = "float16"
parent = "teacher"
[variants.int8]
technique = "quantize_dynamic"
parent = "teacher"
"""
CRASH = "the process that ran it was ended by signal 11 (SIGSEGV)"


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "mine.toml").write_text(SUITE)
    command = [sys.executable, "-m", "compbench", "run", str(folder / "mine.toml")]
    command += ["--results", str(folder / "results"), "--reports", str(folder / "reports")]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_transformer_in_half_precision_loses_only_itself(tmp_path: Path) -> None:
    done = run(tmp_path)
    (folder,) = (tmp_path / "results" / "runs" / "mine").iterdir()
    rows = read_rows(folder)
    failed = {r.variant: r.reason for r in rows if r.status == "failed"}
    if not failed:
        pytest.skip("this ONNX Runtime runs the file: test_boundary has crashes of its own")
    path = folder / "error-evaluate-half-0-cpu_1thread.txt"
    assert failed == {"half": f"{CRASH} (traceback: {path})"}
    assert "Segmentation fault" in path.read_text()
    assert "onnxruntime" in path.read_text()  # where it was, as Python saw it
    assert done.returncode == 1
    assert done.stderr == f"failed: half (seed 0) on cpu_1thread: {failed['half']}\n"
    for metric in ("score", "memory_bytes", "latency_ns"):
        assert {r.variant for r in rows if r.metric == metric} == {"teacher", "int8"}
    assert "half" in (tmp_path / "reports" / "mine" / "README.md").read_text()
    assert run(tmp_path).returncode == 1  # a new run, which tries again
    assert len(list((tmp_path / "results" / "runs" / "mine").iterdir())) == 2
