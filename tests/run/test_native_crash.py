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
technique = "own_half:Technique"
parent = "teacher"
[variants.int8]
technique = "quantize_dynamic"
parent = "teacher"
"""
# without what it leaves in float32, ONNX Runtime's CPU provider is ended by the file of attention
HALF = """
from compbench.techniques import float16

float16._swaps_of_batches = lambda graph: []

class Technique(float16.Technique):
    pass
"""
CRASHING = """
import os, signal
from compbench.contracts import NullCase, OnnxTechnique

class Technique(OnnxTechnique):
    family = "quantized"
    null_case = NullCase({})

    def rewrite(self, parent, data):
        os.kill(os.getpid(), signal.SIGSEGV)
"""
CRASH = "the process that ran it was ended by signal 11 (SIGSEGV)"


def run(folder: Path, own: str) -> subprocess.CompletedProcess[str]:
    (folder / "mine.toml").write_text(SUITE)
    (folder / "own_half.py").write_text(own)
    command = [sys.executable, "-m", "compbench", "run", str(folder / "mine.toml")]
    command += ["--results", str(folder / "results"), "--reports", str(folder / "reports")]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize(("stage", "own"), [("make", CRASHING), ("evaluate", HALF)])
def test_what_ends_a_process_loses_only_itself(stage: str, own: str, tmp_path: Path) -> None:
    done = run(tmp_path, own)
    (folder,) = (tmp_path / "results" / "runs" / "mine").iterdir()
    rows = read_rows(folder)
    failed = {r.variant: r.reason for r in rows if r.status == "failed"}
    if not failed and stage == "evaluate":
        pytest.skip("this ONNX Runtime runs the file")
    where = "" if stage == "make" else ".cpu_1thread"
    path = folder / f"error-{stage}-half-0{where}.txt"
    assert failed == {"half": f"{CRASH} (traceback: {path})"}
    assert "Segmentation fault" in path.read_text()
    assert done.returncode == 1
    on = "" if stage == "make" else " on cpu_1thread"
    assert done.stderr == f"failed: half (seed 0){on}: {failed['half']}\n"
    for metric in ("score", "memory_bytes", "latency_ns"):
        assert {r.variant for r in rows if r.metric == metric} == {"teacher", "int8"}
    assert "half" in (tmp_path / "reports" / "mine" / "README.md").read_text()
    assert run(tmp_path, own).returncode == 1  # a new run, which tries again
    assert len(list((tmp_path / "results" / "runs" / "mine").iterdir())) == 2
