"""A package outside the repository, installed by its path, goes through all five families."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

FILES = {
    "pyproject.toml": """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "stripes"
version = "1.2"
""",
    "stripes/__init__.py": "",
    "stripes/parts.py": """
from torch import nn


def block(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )
""",
    "stripes/nets.py": """
from torch import Tensor, nn

from .parts import block


class Net(nn.Module):
    def __init__(self, num_classes: int, widths: tuple[int, ...] = (8, 16)):
        super().__init__()
        sizes = (1, *widths)
        self.body = nn.Sequential(*(block(a, b) for a, b in zip(sizes, widths)))
        self.hidden, self.head = nn.Linear(widths[-1], 16), nn.Linear(16, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.hidden(self.body(images).mean((2, 3))).relu())


def small(outputs, width=4):
    return nn.Sequential(nn.Flatten(), nn.Linear(144, width), nn.ReLU(), nn.Linear(width, outputs))
""",
    "stripes/data.py": '''
"""Images with a bright third."""

from pathlib import Path

import numpy as np

from compbench.contracts import DatasetSource, Samples


class Stripes(DatasetSource):
    """Three classes: where it is bright."""

    classes = 3
    class_names = ("top", "middle", "bottom")
    samples: int = 300

    def fingerprint(self, data_dir: Path) -> str:
        return f"stripes {self.samples}"

    def load(self, data_dir: Path) -> Samples:
        random = np.random.default_rng(0)
        labels = np.arange(self.samples) % 3
        images = random.integers(0, 120, (self.samples, 1, 12, 12), np.uint8)
        for index, label in enumerate(labels):
            images[index, 0, 4 * label : 4 * label + 4] += 120
        return Samples.of_images(images, labels)
''',
}
SUITE = """
dataset = { name = "stripes.data:Stripes", samples = 240 }
[measure]
launches = 2
seconds_per_arm = 0.02
memory_processes = 1
[variants.teacher]
technique = "train"
model = { name = "stripes.nets:Net", widths = [8, 12] }
epochs = 2
[variants.student]
technique = "distill"
parent = "teacher"
model = "stripes.nets:small"
epochs = 1
[variants.pruned]
technique = "prune_channels"
parent = "teacher"
epochs = 1
[variants.low_rank]
technique = "low_rank"
parent = "pruned"
epochs = 1
[variants.sparse]
technique = "prune_weights"
parent = "teacher"
epochs = 1
[variants.int8]
technique = "quantize_static"
parent = "low_rank"
[variants.student_int8]
technique = "quantize_dynamic"
parent = "student"
"""


def test_it_goes_through_all_families_chains_and_the_report(tmp_path: Path) -> None:
    for name, text in FILES.items():
        path = tmp_path / "package" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    site = tmp_path / "site"
    installed = _run(
        *("-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"),
        *("--no-index", "--target", str(site), str(tmp_path / "package")),
    )
    if installed.returncode:
        pytest.skip(f"pip can't install here: {installed.stderr.strip().splitlines()[-1]}")
    suite = tmp_path / "elsewhere" / "mine.toml"
    suite.parent.mkdir()
    suite.write_text(SUITE)
    results = tmp_path / "results"
    made = _run("-m", "compbench", "run", str(suite), "--results", str(results), path=site)
    assert made.returncode == 0, made.stderr
    assert "failed" not in made.stderr
    (record,) = results.glob("runs/*/*/run.json")
    run = json.loads(record.read_text())
    assert run["variants"]["teacher"]["model"] == {
        "name": "stripes.nets:Net",
        "num_classes": None,
        "widths": [8, 12],
    }
    assert run["variants"]["student_int8"]["model"]["name"] == "stripes.nets:small"
    (report,) = results.glob("reports/*/*.md")
    text = report.read_text()
    assert all(name in text for name in run["variants"])
    assert "could not be written" not in text
    manifests = [json.loads(p.read_text()) for p in results.glob("artifacts/*/manifest.json")]
    code = {m["variant"]: {*m["parts"]["code"]} for m in manifests}
    assert {"stripes.nets", "stripes.parts"} <= code["pruned"]


def _run(*arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    here = str(Path(__file__).parents[2])
    paths = [*([str(path)] if path else []), here, os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment
    )
