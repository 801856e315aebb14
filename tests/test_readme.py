"""What the README shows is true: its figures, its suite, its technique, its files."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import torch

from compbench.contracts import NullCase
from compbench.data.splits import Data
from compbench.models import mlp
from compbench.registry import registry
from compbench.suite import read
from compbench.training.loop import Fit
from tests.nets import example

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def cells(line: str) -> list[str]:
    return [cell.strip(" *") for cell in line.strip().strip("|").split("|")]


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found
    return found[1]


def test_its_figures_are_the_report_s() -> None:
    report = (ROOT / "reports" / "quickstart" / "README.md").read_text()
    lines = [cells(line) for line in report.splitlines() if line.startswith("|")]
    start = README.index("a test compares them -->")
    table = README[start : README.index("Bold: on the Pareto front", start)]
    rows = [cells(line) for line in table.splitlines() if line.startswith("|")]
    header, rows = rows[0], rows[2:]
    assert len(rows) == 9
    where = next(line for line in lines if line[0] == "variant")
    for row in rows:
        theirs = dict(zip(where, next(x for x in lines if x[0] == row[0]), strict=True))
        assert row == [theirs[column] for column in header]


def test_its_suite_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(block("toml"))
    assert list(read.load(path).variants) == [
        "teacher",
        "student",
        "student_kd",
        "student_kd_int8",
    ]


def test_its_technique_works(tmp_path: Path, monkeypatch, tiny: Data) -> None:
    (tmp_path / "halve_weights.py").write_text(block("python"))
    monkeypatch.syspath_prepend(tmp_path)
    plugin = registry.find("technique", "halve_weights:Technique")
    assert isinstance(plugin.null_case, NullCase)
    torch.manual_seed(0)
    parent = mlp.Model().build(tiny.signature).eval()
    fit = Fit(tiny.training, 0, lambda epoch, total: None)
    (images,) = example(parent, tiny)
    made = plugin(factor=2.0).build([parent], tiny.training, fit)
    assert not torch.allclose(made(images), parent(images))
    null = plugin(**plugin.null_case.options).build([parent], tiny.training, fit)
    assert torch.equal(null(images), parent(images))
    monkeypatch.delitem(sys.modules, "halve_weights")


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)#:]+)\)", README))
def test_what_it_points_to_is_there(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_techniques_and_models_that_it_names_are_there() -> None:
    """Not the other way round: to add one is one file, which `compbench list` shows by itself."""
    table = README[README.index("| family | techniques |") : README.index("Models: `cnn`")]
    named = {name for line in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", line)}
    assert len(named) >= 10
    assert named <= {*registry.names("technique")}
    models = re.search(r"^Models: (.*?)\. ", README, re.MULTILINE | re.DOTALL)
    assert models and {*re.findall(r"`(\w+)`", models[1])} <= {*registry.names("model")}
