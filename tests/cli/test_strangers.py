"""Runs, baselines and suites from anywhere: nothing of them reaches out of its folder."""
# ruff: noqa: F811, a fixture is an argument of its own name

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compbench import seal
from compbench.results.folder import new_folder, write_rows
from compbench.results.record import RUN as RECORD
from compbench.results.record import write_run
from compbench.suite.gate import gate_model
from tests.cli.test_main import SUITE, compbench, refused  # noqa: F401
from tests.compare.test_remeasure import write as write_with_files
from tests.factory import RUN, RUN_ROWS, TARGET
from tests.kept import write_run as write_whole_run
from tests.registry.test_import_path import gated

COMMANDS = (
    ("report", "RUN"),
    ("report", "RUN", "--format", "csv"),
    ("history", "RUN"),
    ("show", "RUN"),
    ("pick", "RUN"),
    ("compare", "RUN", "RUN"),
    ("export", "RUN", "teacher", "out"),
    ("baseline", "save", "RUN"),
)


NO_NAMES = ("../../x", "/tmp/x", "..", ".", "a/b", "x\n", "\x1b[31m", "x" * 300)


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    """A run in the folder one works in, and files around it that are not compbench's."""
    folder = new_folder(tmp_path / "results", "mine", RUN.started)
    write_run(folder, RUN)
    write_rows(folder, "all", RUN_ROWS)
    for place in (tmp_path, tmp_path.parent / "x", tmp_path / "x"):
        place.mkdir(exist_ok=True)
        (place / "README.md").write_text("# not compbench's")
        (place / "logo.png").write_bytes(b"not compbench's")
    return folder


def everything(root: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def edit(folder: Path, **changes: Any) -> None:
    """As a stranger would: with a checksum that is right."""
    content = json.loads((folder / RECORD).read_text()) | changes
    del content[seal.SUM]
    (folder / RECORD).write_bytes(seal.json_text(content))


EVIL = "evil:Thing"
NAMED: dict[str, Callable[[dict[str, Any]], object]] = {  # where a record names code
    "dataset": lambda run: run["dataset"].update(name=EVIL),
    "task": lambda run: run["task"].update(name=EVIL),
    "provider": lambda run: run["targets"][TARGET].update(provider=EVIL),
    "technique": lambda run: run["variants"]["student"].update(technique=EVIL),
    "model": lambda run: run["variants"]["student"].update(model={"name": EVIL}),
    "nothing": lambda run: None,  # but the suite file does
}
LOOKED_FOR = ("dataset", "task", "provider")  # what files are measured again by
STARTS = ("2026-01-02T03:04:05+00:00", "2026-01-03T03:04:05+00:00")


def name_evil(folder: Path, kind: str) -> None:
    content = json.loads((folder / RECORD).read_text())
    NAMED[kind](content)
    edit(folder, **content)


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    """Code beside the suite file, and in the current folder; the file that is there once it ran."""
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "mine.toml").write_text(f"[gate]\nbytes_ratio = 3\n{SUITE}")
    ran = tmp_path / "ran"
    for folder in (tmp_path, tmp_path / "suites"):
        (folder / "evil.py").write_text(f"open({str(ran)!r}, 'w').close()\n")
    return ran


def suite_names_evil(tmp_path: Path) -> None:
    """Another table than the one that a record has it in."""
    with (tmp_path / "suites" / "mine.toml").open("a") as suite:
        suite.write(f'[variants.own]\ntechnique = "{EVIL}"\nparent = "teacher"\n')


@pytest.mark.parametrize("kind", NAMED)
def test_code_that_a_run_names_is_not_run_to_show_it(
    kind: str, compbench, evil: Path, tmp_path: Path
) -> None:
    folders = [write_whole_run(tmp_path / "results", started=each) for each in STARTS]
    for folder in folders:
        name_evil(folder, kind)
    if kind == "nothing":
        suite_names_evil(tmp_path)
    one, other = map(str, folders)
    for arguments in (
        ("report", one),
        ("report", one, "--format", "json"),
        ("show", one),
        ("pick", one),
        ("history", "mine"),
        ("compare", one, other),
        ("baseline", "save", one),
        ("baseline", "list"),
        ("baseline", "diff", "main", other),
        ("clean",),
        ("verify",),
    ):
        found = compbench(*arguments)
        assert found.code == 0, (arguments, found.err)
        assert not evil.exists(), arguments


@pytest.mark.parametrize("kind", NAMED)
def test_code_that_a_run_names_is_not_run_to_measure_its_files(
    kind: str, compbench, evil: Path, tmp_path: Path
) -> None:
    for content, started in zip(("old", "new"), STARTS, strict=True):
        name_evil(write_with_files(tmp_path / "results", content, started), kind)
    if kind == "nothing":
        suite_names_evil(tmp_path)
    found = compbench("compare", "mine@previous", "mine", "--remeasure")
    if kind in LOOKED_FOR:
        refused(found, "No module named 'evil'; of what a run", "mine.toml does not name it")
    else:
        assert (found.code, found.err.count("side by side")) == (0, 2)
    assert not evil.exists()


@pytest.mark.parametrize("kind", NAMED)
def test_code_that_a_baseline_names_is_not_run_to_gate(
    kind: str, compbench, evil: Path, tmp_path: Path
) -> None:
    folder = write_whole_run(tmp_path / "results", gate=gate_model()().model_dump())
    name_evil(folder, kind)
    if kind == "nothing":
        suite_names_evil(tmp_path)
    assert compbench("baseline", "save", str(folder)).code == 0
    found = gated(tmp_path, tmp_path, folder)
    if kind in LOOKED_FOR:
        assert found.returncode == pytest.ExitCode.USAGE_ERROR
        assert "No module named 'evil'; of what a run" in found.stderr
        assert "mine.toml does not name it" in found.stderr
        assert found.stderr.strip().count("\n") == 0
    else:
        assert "digest" in found.stderr, "only the made-up dataset is another"
    assert not evil.exists()


@pytest.mark.parametrize("kind", LOOKED_FOR)
def test_a_suite_file_that_came_within_a_record_allows_nothing(
    kind: str, compbench, evil: Path, tmp_path: Path
) -> None:
    for content, started in zip(("old", "new"), STARTS, strict=True):
        folder = write_with_files(tmp_path / "results", content, started)
        (folder / "evil.py").write_text((tmp_path / "evil.py").read_text())
        (folder / "mine.toml").write_text(f'{SUITE}[targets.x]\nprovider = "{EVIL}"\n')
        name_evil(folder, kind)
        edit(folder, suite_path=str((folder / "mine.toml").relative_to(tmp_path)))
    found = compbench("compare", "mine@previous", "mine", "--remeasure")
    refused(found, "No module named 'evil'", "it has none here")
    assert not evil.exists()


def test_an_option_of_a_provider_that_no_suite_could_have_is_refused(
    compbench, tmp_path: Path
) -> None:
    """There are some that load libraries by their path."""
    target = {**RUN.targets[TARGET], "provider_options": {"trt_extra_plugin_lib_paths": "x.so"}}
    for content, started in zip(("old", "new"), STARTS, strict=True):
        folder = write_with_files(tmp_path / "results", content, started)
        edit(folder, targets={TARGET: target})
    found = compbench("compare", "mine@previous", "mine", "--remeasure")
    refused(found, f"[targets.{TARGET}] 'cpu' has no provider option 'trt_extra_plugin_lib_paths'")


@pytest.mark.parametrize("name", NO_NAMES)
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_run_s_names_are_no_paths(
    arguments: tuple[str, ...], name: str, compbench, stranger: Path, tmp_path: Path
) -> None:
    edit(stranger, suite=name)
    before = everything(tmp_path.parent)
    found = compbench(*(str(stranger) if a == "RUN" else a for a in arguments))
    refused(found, "run.json is damaged: it: suite: ")
    assert everything(tmp_path.parent) == before


@pytest.mark.parametrize("name", ["../../../evil", "/evil", "a/../../b", ".."])
def test_a_variant_s_or_target_s_name_is_no_path(
    name: str, compbench, stranger: Path, tmp_path: Path
) -> None:
    for field in ("variants", "targets"):
        write_run(stranger, RUN)
        edit(stranger, **{field: {name: next(iter(getattr(RUN, field).values()))}})
        before = everything(tmp_path.parent)
        for arguments in COMMANDS:
            found = compbench(*(str(stranger) if a == "RUN" else a for a in arguments))
            refused(found, f"run.json is damaged: it: {field}.")
        assert everything(tmp_path.parent) == before


def test_a_baseline_s_names_are_no_paths(compbench, tmp_path: Path) -> None:
    write_whole_run(tmp_path / "results")
    assert compbench("baseline", "save", "mine").code == 0
    record = tmp_path / "baselines" / "main" / "baseline.json"
    content = json.loads(record.read_text())
    del content[seal.SUM]
    for file in ("../../evil", "/evil", ".."):
        evil = content | {"variants": {"teacher": content["variants"]["teacher"] | {"file": file}}}
        record.write_bytes(seal.json_text(evil))
        refused(
            compbench("baseline", "save", "main", "--name", "other"),
            "baseline.json is damaged: it: ",
        )
    assert not (tmp_path / "baselines" / "other").exists()


@pytest.mark.parametrize("name", ["...toml", "....toml", ".toml", ".a.toml", "x" * 201 + ".toml"])
@pytest.mark.parametrize("command", ["run", "check"])
def test_a_suite_s_file_name_is_no_path(
    command: str, name: str, compbench, stranger: Path, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(SUITE)
    before = everything(tmp_path)
    refused(compbench(command, name), "rename it")
    assert everything(tmp_path) == before


@pytest.mark.filterwarnings("ignore:.*left out")
@pytest.mark.parametrize("damage", ["link", "folder", "dangling"])
def test_odd_things_in_place_of_a_run_s_files_are_named_and_not_followed(
    damage: str, compbench, stranger: Path, tmp_path: Path
) -> None:
    path = stranger / "rows" / "all.jsonl"
    elsewhere = tmp_path / "elsewhere.jsonl"
    path.rename(elsewhere)
    if damage == "folder":
        path.mkdir()
    else:
        path.symlink_to(elsewhere if damage == "link" else tmp_path / "nowhere")
    shown = compbench("show", str(stranger))
    assert shown.code == 0
    kind = "folder" if damage == "folder" else "link"
    told = " ".join(shown.out.split())
    assert f"all.jsonl is damaged: it is a {kind}" in told
    assert "Incomplete: decide nothing by this" in told


@pytest.mark.parametrize("module", ["tabulate", "onnx", "rich", "pandas"])
def test_no_file_of_the_current_folder_is_taken_for_a_library(
    module: str, stranger: Path, tmp_path: Path
) -> None:
    (tmp_path / f"{module}.py").write_text("open('ran', 'w').close()\nraise SystemExit(0)\n")
    script = str(Path(sys.executable).with_name("compbench"))
    for start in ([sys.executable, "-m", "compbench"], [script]):
        done = subprocess.run(
            [*start, "report", str(stranger)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": ""},
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert not (tmp_path / "ran").exists()
