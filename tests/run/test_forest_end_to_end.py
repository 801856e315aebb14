"""The whole path with students that are no nets: a report that pairs each with its control."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SUITE = """
dataset = "digits"
[measure]
launches = 2
seconds_per_arm = 0.02
memory_processes = 1
[variants.teacher]
technique = "train"
model = "mlp"
epochs = 6
[variants.forest]
technique = "train_forest"
trees = 20
[variants.forest_kd]
technique = "distill_forest"
parent = "teacher"
trees = 20
[variants.boosting]
technique = "train_forest"
kind = "gradient_boosting"
trees = 10
learning_rate = 0.3
[variants.boosting_kd]
technique = "distill_forest"
parent = "teacher"
kind = "gradient_boosting"
trees = 10
learning_rate = 0.3
[variants.net]                    # taught by trees
technique = "distill"
parent = "forest_kd"
model = { name = "mlp", hidden = [16] }
epochs = 3
"""


def call(folder: Path, *command: str, code: int = 0) -> str:
    """What a command of compbench's prints, as in a pipe."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTEST_XDIST_WORKER"}
    done = subprocess.run(
        [sys.executable, "-m", "compbench", *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("forest")
    (found / "mine.toml").write_text(SUITE)
    said = call(found, "run", "mine.toml")
    assert "make forest (seed 0)" in said and "(tree 20/20)" in said
    assert "(trees of output 10/10)" in said
    return found


@pytest.fixture(scope="module")
def report(folder: Path) -> str:
    return (folder / "results" / "reports" / "mine" / "README.md").read_text()


def cells(report: str, heading: str, variant: str) -> list[str]:
    """A variant's row in the first table under a heading."""
    below = report[report.index(heading) :]
    row = re.search(rf"^\| [`*]*{variant}[`*]* +\|.*$", below, re.MULTILINE)
    assert row, heading
    return [cell.strip() for cell in row[0].strip("|").split("|")]


def test_each_taught_forest_stands_beside_its_control(report: str) -> None:
    assert cells(report, "### Did a teacher help?", "forest_kd")[1:3] == ["teacher", "forest"]
    assert cells(report, "### Did a teacher help?", "boosting_kd")[1:3] == ["teacher", "boosting"]
    assert "could not be written" not in report and "FAILED" not in report


def test_a_file_is_held_to_scikit_learn(report: str) -> None:
    for variant in ("forest", "forest_kd", "boosting", "boosting_kd"):
        compared, difference, same = cells(report, "### The files: do they", variant)[1:4]
        assert compared == "its model in scikit-learn"
        assert float(difference) < 1e-4 and same == "100.00 %"


def test_sizes_of_trees_are_told(report: str) -> None:
    for variant in ("forest", "boosting_kd"):
        parameters, nonzero, *sizes = cells(report, "## Sizes that can't deceive", variant)[1:]
        assert parameters[0].isdigit() and nonzero.endswith("%)")
        assert all("B" in size for size in sizes)


def test_a_forest_that_is_deployed_names_its_teacher(folder: Path) -> None:
    call(folder, "export", "mine", "forest_kd", "deployed.onnx")
    said = call(folder, "verify", "deployed.onnx")
    assert "distill_forest" in said and "train" in said


def test_a_second_run_makes_nothing_anew(folder: Path) -> None:
    assert "make forest" not in call(folder, "run", "mine.toml")
