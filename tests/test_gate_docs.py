"""What is written about gates is true: its options, commands, files and limits exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from compbench import pytest_plugin
from compbench.cli import baseline
from compbench.gate import pytest_benchmark
from compbench.suite import tables

ROOT = Path(__file__).parent.parent
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
    commands = set(re.findall(r"compbench baseline ([a-z]+)", text))
    app = {
        command.name or command.callback.__name__
        for command in baseline.app.registered_commands
        if command.callback
    }
    assert commands and commands <= app


def test_its_limits_and_their_defaults_are_the_suite_s() -> None:
    page = (ROOT / "docs" / "gate.md").read_text()
    for name in tables.Gate.model_fields:
        assert f"`{name}`" in page
    defaults = tables.Gate()
    for value in (defaults.latency_ratio, defaults.bytes_ratio, defaults.memory_ratio):
        assert f"{value:g}" in page
    assert f"median of {defaults.memory_processes} processes" in page


def test_its_way_to_unpack_durations_works() -> None:
    page = (ROOT / "docs" / "gate.md").read_text()
    assert "from compbench.pytest_table import unpacked" in page and pytest_benchmark.unpacked


@pytest.mark.parametrize(
    "path", re.findall(r"\]\(([^)#:]+)\)", (ROOT / "docs/gate.md").read_text())
)
def test_what_it_points_to_is_there(path: str) -> None:
    assert (ROOT / "docs" / path).exists()
