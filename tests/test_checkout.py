"""What a user's run writes and what is shipped are told apart: a checkout stays clean."""
# ruff: noqa: F811, a fixture is an argument of its own name

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_type_hints
from unittest.mock import Mock

import pytest
import typer

from compbench import pytest_plugin
from compbench.cli import commands as cli_commands
from compbench.cli.options import reports_folder
from tests.checkout import PLAIN, ROOT, changed, clone, ignored, tracked
from tests.cli.test_main import compbench  # noqa: F401
from tests.kept import write_run

SHIPPED_ROWS = ROOT / "results" / "runs"
SUITE = """
dataset = "digits"
[measure]
launches = 2
seconds_per_arm = 0.02
memory_processes = 1
[variants.teacher]
technique = "train"
model = { name = "mlp", hidden = [32] }
epochs = 1
[variants.student]
technique = "distill"
parent = "teacher"
model = { name = "mlp", hidden = [8] }
epochs = 1
"""


def commands(app: typer.Typer, path: str) -> Iterator[tuple[str, Callable[..., None]]]:
    """Every command's name and function, those of groups as well."""
    for command in app.registered_commands:
        assert command.callback
        yield f"{path} {command.name or command.callback.__name__.strip('_')}", command.callback
    for group in app.registered_groups:
        assert group.typer_instance
        yield from commands(group.typer_instance, f"{path} {group.name}")


def default_folders() -> Iterator[tuple[str, Path]]:
    """Every option of every command that is a folder, and where it points by default."""
    for name, function in commands(cli_commands.app, "compbench"):
        hints = get_type_hints(function)
        options: dict[str, Any] = {
            option: parameter.default
            for option, parameter in inspect.signature(function).parameters.items()
            if hints[option] in (Path, Path | None) and parameter.default is not parameter.empty
        }
        for option, default in options.items():
            if option == "reports":
                default = reports_folder(default, options["results"])
            if default is not None:  # a suite that is only looked at where it is named
                yield f"{name} --{option}", Path(default)


FOLDERS = dict(default_folders())


def test_all_kinds_of_folders_are_looked_at() -> None:
    kinds = {option.rpartition("--")[2] for option in FOLDERS}
    assert kinds == {"results", "reports", "data_dir", "baselines"}
    assert {f"compbench {name} --reports" for name in ("run", "report", "history")} <= {*FOLDERS}


@pytest.mark.parametrize("option", FOLDERS)
def test_what_is_written_by_default_is_ignored_and_nothing_shipped(option: str) -> None:
    folder = FOLDERS[option]
    kept = [path for path in tracked(str(folder)) if SHIPPED_ROWS not in path.parents]
    assert not kept, f"{option} writes where git keeps {kept[0]}"
    assert ignored(folder / "mine" / "new"), f".gitignore does not name what {option} writes"


def test_pytest_s_folders_are_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COMPBENCH_DATA", raising=False)
    parser = Mock()
    pytest_plugin.pytest_addoption(parser)
    calls = parser.getgroup.return_value.addoption.call_args_list
    defaults = {call.args[0]: call.kwargs.get("default") for call in calls}
    for name in ("results", "baselines", "data_dir"):
        folders = {path for option, path in FOLDERS.items() if option.endswith(f"--{name}")}
        assert folders == {defaults[f"--compbench-{name.replace('_', '-')}"]}


COMMANDS = [
    ("show", "quickstart"),
    ("report", "quickstart"),
    ("report", "quickstart", "--format", "markdown,csv,parquet,json"),
    ("history", "quickstart", "--target", "cpu_1thread"),
    ("pick", "quickstart"),
    ("compare", "quickstart@previous", "quickstart"),
    ("baseline", "save", "quickstart"),
    ("baseline", "promote", "quickstart", "main"),
    ("baseline", "list"),
]


def test_no_command_changes_what_is_shipped(compbench, tmp_path: Path) -> None:
    """With a run of a user's own beside the shipped one."""
    clone(tmp_path, ".gitignore", "README.md", "reports", "results/runs/quickstart")
    write_run(tmp_path / "results", suite="quickstart", started="2099-01-02T03:04:05+00:00")
    for command in COMMANDS:
        result = compbench(*command)
        assert (result.code, result.err) == (0, ""), command
        assert changed(tmp_path) == "", command
    written = tmp_path / "results" / "reports" / "quickstart"
    assert {path.suffix for path in written.iterdir()} == {
        ".md",
        ".png",
        ".csv",
        ".parquet",
        ".json",
    }
    assert (tmp_path / "baselines" / "main").is_dir()


def test_a_report_goes_where_one_says(compbench, tmp_path: Path) -> None:
    """As a shipped report is renewed; without --reports it stands beside the results."""
    write_run(tmp_path / "elsewhere", suite="mine")
    beside, asked = Path("elsewhere", "reports", "mine"), Path("reports", "mine")
    command = ("report", "mine", "--results", "elsewhere", "--quiet")
    assert compbench(*command).out == f"{beside / 'README.md'}\n"
    assert compbench(*command, "--reports", "reports").out == f"{asked / 'README.md'}\n"
    assert (tmp_path / beside / "README.md").read_bytes() == (
        tmp_path / asked / "README.md"
    ).read_bytes()


@pytest.mark.slow
def test_a_run_leaves_the_checkout_clean_and_the_readme_true(tmp_path: Path) -> None:
    """A suite of one's own, every folder as it is by default; then one beside the shipped ones.

    One that is called like a shipped suite is refused: it would write over that one's report.
    """
    folder = clone(tmp_path / "clone", ".")
    suite = tmp_path / "small.toml"
    for path in (suite, tmp_path / "quickstart.toml"):
        path.write_text(SUITE)

    def call(*command: str, code: int = 0) -> str:
        environment = PLAIN | {"PYTHONPATH": str(folder)}
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr * (code != 0)

    refused = call("compbench", "run", str(tmp_path / "quickstart.toml"), code=2)
    assert "has runs of another suite file of this name" in refused
    out = call("compbench", "run", str(suite))
    written = Path("results", "reports", "small", "README.md")
    assert out.endswith(f"report: {written}\n")
    assert len(list((folder / "results" / "runs" / "small").iterdir())) == 1
    assert changed(folder) == ""
    (folder / "suites" / "mine.toml").write_text(SUITE.replace("teacher", "net"))
    call("pytest", "tests/test_readme.py", "tests/suite")
    assert changed(folder) == "?? suites/mine.toml\n"
