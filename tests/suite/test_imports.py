"""`compbench check --safe`: what a suite would run is named, and nothing of it is run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from compbench.suite.imports import imports
from tests.cli.test_main import Result, compbench, refused  # noqa: F401, a fixture

SUITE = """
dataset = { name = "own_data:Mine", path = "a:b" }
[variants.teacher]
technique = "own_steps:Steps"
model = { name = "own.nets:Net", width = 3 }
augment = ["torch.nn:Module", "gone:Away", "http://x:80", "C:/x", "not:one:path"]
"""
RUNS = "open('ran', 'w').close()\nraise SystemExit(0)\n"


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A suite whose modules say that they were run."""
    for name in ("own_data.py", "own_steps.py", "own/__init__.py", "own/nets.py", "torch.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(RUNS)
    path = tmp_path / "mine.toml"
    path.write_text(SUITE)
    return path


def test_all_that_would_be_imported_is_named_with_its_place(suite: Path, tmp_path: Path) -> None:
    found = {one.path: (one.key, one.place) for one in imports(suite)}
    assert found == {
        "own_data:Mine": ("dataset.name", str(tmp_path / "own_data.py")),
        "a:b": ("dataset.path", ""),
        "own_steps:Steps": ("variants.teacher.technique", str(tmp_path / "own_steps.py")),
        "own.nets:Net": ("variants.teacher.model.name", str(tmp_path / "own" / "__init__.py")),
        "torch.nn:Module": ("variants.teacher.augment", str(tmp_path / "torch.py")),
        "gone:Away": ("variants.teacher.augment", ""),
    }


def test_the_command_runs_nothing_of_it(
    compbench: Callable[..., Result],  # noqa: F811
    suite: Path,
    tmp_path: Path,
) -> None:
    shown = compbench("check", str(suite), "--safe")
    assert shown.code == 0
    assert "own_steps:Steps" in shown.out and "not found" in shown.out
    assert not (tmp_path / "ran").exists()
    suite.write_text("[variants.a]\ntechnique = 'train'\n")
    assert "names no code" in compbench("check", str(suite), "--safe").out
    suite.write_text("[variants")
    refused(compbench("check", str(suite), "--safe"), "mine.toml: is not TOML")
