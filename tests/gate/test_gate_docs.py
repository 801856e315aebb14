"""What is written about gates is true: its options, commands, files and limits exist."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from compbench import pytest_plugin
from compbench.cli import baseline
from compbench.gate import documentation
from compbench.results import columns
from compbench.suite.gate import gate_model

ROOT = Path(__file__).parents[2]
FILES = ("README.md", "docs/gate.md", "docs/gate-workflow.yml")
PLUGIN = Path(pytest_plugin.__file__).read_text()


@pytest.mark.parametrize("name", FILES)
def test_its_options_and_commands_exist(name: str) -> None:
    text = (ROOT / name).read_text()
    named = {
        option.removeprefix("--compbench-") for option in re.findall(r"--compbench-[a-z-]+", text)
    }
    known = set(re.findall(r'"--compbench-([a-z-]+)"', PLUGIN))
    known |= set(re.findall(r'^        \("([a-z-]+)", ', PLUGIN, re.MULTILINE))
    assert named and named <= known
    if name == "docs/gate.md":
        rows = re.findall(r"^\| `--compbench-([a-z-]+)[ `]", text, re.MULTILINE)
        assert sorted(rows) == sorted(known), "its table has every option"
    commands = set(re.findall(r"compbench baseline ([a-z]+)", text))
    app = {
        command.name or command.callback.__name__
        for command in baseline.app.registered_commands
        if command.callback
    }
    assert commands and commands <= app


def test_its_table_is_that_of_the_checks() -> None:
    page = (ROOT / "docs" / "gate.md").read_text()
    assert documentation.checks_table() in page, "python -m compbench.gate.documentation"


def test_its_limits_in_pytest_s_configuration_exist() -> None:
    named = re.findall(r"^compbench_(\w+) =", (ROOT / "docs/gate.md").read_text(), re.MULTILINE)
    assert named and {*named} <= {*gate_model().model_fields}


def test_its_way_to_unpack_durations_works() -> None:
    page = (ROOT / "docs" / "gate.md").read_text()
    assert f"from {columns.__name__} import unpacked" in page
    durations = np.array([7, 2**40], np.int64)
    assert np.array_equal(columns.unpacked(columns.packed(durations)), durations)


@pytest.mark.parametrize(
    "path", re.findall(r"\]\(([^)#:]+)\)", (ROOT / "docs/gate.md").read_text())
)
def test_what_it_points_to_is_there(path: str) -> None:
    assert (ROOT / "docs" / path).exists()
