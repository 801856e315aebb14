"""The whole path with tables: numbers to be told, where less is better, and several labels."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from sklearn.datasets import load_diabetes

pytestmark = pytest.mark.slow

FOREIGN = re.compile(
    r"accura|\bimage|McNemar|Wilson|\bpixel|confus|\bclass(?:es)?\b", re.IGNORECASE
)
SUITE = """
description = "What a table says, told by nets of every family and a chain."
[dataset]
name = "table"
path = "table.csv"
DATASET
[measure]
launches = 2
seconds_per_arm = 0.02
memory_processes = 1
[gate]
memory_processes = 2
latency_launches = 2
latency_ratio = 10
[pick]
max_drop = "MOST"
[variants.teacher]
technique = "train"
model = { name = "mlp", hidden = [64, 64] }
epochs = 20
batch_size = 16
learning_rate = 0.02
[variants.student]
technique = "train"
model = { name = "mlp", hidden = [8] }
[variants.student_kd]
technique = "distill"
parent = "teacher"
model = { name = "mlp", hidden = [8] }
[variants.pruned]
technique = "prune_weights"
parent = "teacher"
ratio = 0.5
epochs = 2
learning_rate = 0.02
[variants.low_rank]
technique = "low_rank"
parent = "teacher"
ratio = 0.25
epochs = 1
[variants.low_rank_int8]
technique = "quantize_static"
parent = "low_rank"
[variants.int8]
technique = "quantize_static"
parent = "teacher"
[variants.dynamic]
technique = "quantize_dynamic"
parent = "teacher"
[variants.int4]
technique = "quantize_weights"
parent = "teacher"
[variants.half]
technique = "float16"
parent = "teacher"
"""
LABELS = ["warm", "wet", "windy", "late"]


@dataclass(frozen=True)
class Kind:
    """A task: what its dataset says, its metric, the limit, and which way the metric is better."""

    dataset: str
    metric: str
    label: str
    most: str
    better: int


KINDS = {
    "regression": Kind('target = "target"\npredict = "number"', "rmse", "RMSE", "10%", -1),
    "multi_label": Kind(
        f'target = {json.dumps(LABELS)}\npredict = "labels"',
        *("average_precision", "label ranking average precision", "5pp", 1),
    ),
}


def table(kind: str) -> pandas.DataFrame:
    """Diabetes' progression, as scikit-learn has it; or labels that numbers tell but for noise."""
    if kind == "regression":
        bunch: Any = load_diabetes(as_frame=True, scaled=False)
        return bunch.frame
    random = np.random.default_rng(0)
    numbers = random.normal(size=(400, 12)).round(3)
    said = numbers @ random.normal(size=(12, 4)) + random.normal(0, 0.5, (400, 4)) > 1
    features = pandas.DataFrame(numbers, columns=[f"x{place}" for place in range(12)])
    return features.join(pandas.DataFrame(said.astype(int), columns=LABELS))


@dataclass(frozen=True)
class Walked:
    """A folder in which a suite was run twice, and what its task is."""

    kind: Kind
    folder: Path

    def call(self, *command: str, code: int = 0) -> str:
        """What a command prints, as from a terminal. Raises AssertionError on another exit code."""
        environment = {k: v for k, v in os.environ.items() if k != "PYTEST_XDIST_WORKER"}
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def compbench(self, *command: str, code: int = 0) -> str:
        """The same of a command of compbench's, which says nothing of any other metric."""
        said = self.call("compbench", *command, code=code)
        assert [line for line in said.splitlines() if FOREIGN.search(line)] == []
        return said

    def metrics(self) -> dict[str, float]:
        """The test metric of each variant."""
        self.compbench("report", "mine", "--format", "csv")
        rows = pandas.read_csv(self.folder / "results" / "reports" / "mine" / "table.csv")
        assert {*rows["status"]} == {"ok"}
        return dict(zip(rows["variant"], rows[self.kind.metric], strict=True))


@pytest.fixture(scope="module", params=KINDS)
def walked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Walked:
    kind = KINDS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    table(request.param).to_csv(folder / "table.csv", index=False)
    text = SUITE.replace("DATASET", kind.dataset).replace("MOST", kind.most)
    (folder / "mine.toml").write_text(text)
    found = Walked(kind, folder)
    found.compbench("run", "mine.toml")
    found.compbench("run", "mine.toml")
    return found


def test_a_report_speaks_of_its_metric_and_of_no_other(walked: Walked) -> None:
    walked.compbench("report", "mine")
    report = (walked.folder / "results" / "reports" / "mine" / "README.md").read_text()
    assert [line for line in report.splitlines() if FOREIGN.search(line)] == []
    assert "could not be written" not in report
    assert f"| {walked.kind.label} " in report
    metrics = walked.metrics()
    assert len(metrics) == SUITE.count("[variants.")
    for variant in metrics:
        assert f"| `{variant}` " in report


def test_what_is_trained_well_is_better(walked: Walked) -> None:
    """The teacher learnt for long, the students hardly; 8 bits keep what it has, and 16."""
    metrics, better = walked.metrics(), walked.kind.better
    assert better * metrics["teacher"] > better * metrics["student"]
    for near in ("int8", "dynamic", "half"):
        assert metrics[near] == pytest.approx(metrics["teacher"], rel=0.03)


def test_what_is_picked_keeps_to_the_limit(walked: Walked) -> None:
    found = json.loads(walked.compbench("pick", "mine", "--json"))
    metrics = walked.metrics()
    assert found["metric"] == walked.kind.metric
    loss = walked.kind.better * (metrics["teacher"] - metrics[found["taken"]])
    assert loss <= (0.1 * metrics["teacher"] if walked.kind.most.endswith("%") else 0.05)
    for student in ("student", "student_kd"):
        assert found["drops"][student]["standing"] == "beyond"
        change = found["drops"][student]["change"]
        assert walked.kind.better * change["high" if walked.kind.better > 0 else "low"] < 0
    said = " ".join(walked.compbench("pick", "mine").split())
    is_kept = found["taken"] == "teacher"  # where times show nothing faster, which noise decides
    assert ("keep teacher" if is_kept else walked.kind.label) in said


def test_two_runs_of_the_same_files_are_compared_and_followed(walked: Walked) -> None:
    said = walked.compbench("compare", "mine@previous", "mine")
    assert walked.kind.label in " ".join(said.split())
    assert said.count("same answers") == SUITE.count("[variants.")
    kept = json.loads(
        walked.compbench("history", "mine", "--metric", walked.kind.metric, "--format", "json")
    )
    assert walked.kind.label in walked.compbench("history", "mine", "--metric", walked.kind.metric)
    assert json.dumps(kept).count('"teacher"') >= 1


def test_a_worse_file_fails_at_the_gate_and_a_better_one_passes(walked: Walked) -> None:
    """The teacher's place is taken by a student, and a student's by the teacher."""
    walked.compbench("baseline", "save", "mine")
    baseline, files = walked.folder / "baselines" / "main", walked.folder / "files"
    files.mkdir()
    for name, origin in (("teacher", "student"), ("student", "teacher"), ("half", "half")):
        shutil.copy(baseline / f"{origin}.onnx", files / f"{name}.onnx")
    is_installed = any(entry.name == "compbench" for entry in entry_points(group="pytest11"))
    said = walked.call(
        "pytest",
        *(() if is_installed else ("-p", "compbench.pytest_plugin")),
        *("--compbench", "files", "--compbench-baseline", "main"),
        *("--benchmark-json", "gate.json", "-k", "teacher or half or student and not kd"),
        code=1,
    )
    assert [line for line in said.splitlines() if FOREIGN.search(line)] == []
    found = {
        one["params"]["variant"]: one["extra_info"]["gates"][walked.kind.metric]["verdict"]
        for one in json.loads((walked.folder / "gate.json").read_text())["benchmarks"]
    }
    assert found == {"teacher": "FAIL", "student": "PASS", "half": "PASS"}
