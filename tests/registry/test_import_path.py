"""Plugins beside the suite file are found from everywhere, each suite's its own; libraries stay."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import compbench as package
from compbench.compare import remeasure
from compbench.compare.match import side
from compbench.contracts.inputs import PIXELS
from compbench.data import digest, splits
from compbench.errors import UserError
from compbench.gate import baseline, prepare
from compbench.gate.baseline import Places
from compbench.registry import import_path
from compbench.results.find import find_run, suite_file
from compbench.results.folder import read_rows
from compbench.results.record import read_run
from compbench.runtime.target import Target
from compbench.suite import plan, read
from tests.kept import write_run

TECHNIQUE = """
import copy
from compbench.contracts import NullCase, TorchTechnique

SCALE = {scale}

class Technique(TorchTechnique):
    null_case = NullCase({{}})

    def build(self, parents, data, fit):
        from {helper} import scale
        return scale()
"""
DATASET = """
import numpy as np
from compbench.contracts import DatasetSource, Samples

class Dataset(DatasetSource):
    classes = 2

    def fingerprint(self, data_dir):
        return "{name}"

    def load(self, data_dir):
        images = np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), np.uint8)
        return Samples.of_images(images, np.arange(40) % 2)
"""
SUITE = """
dataset = "own_data:Dataset"
[variants.teacher]
technique = "train"
model = "mlp"
[variants.scaled]
technique = "own_steps:Technique"
parent = "teacher"
"""


@pytest.fixture(autouse=True)
def _imports_are_undone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = {*sys.modules}
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    for folder in [*import_path._open_now]:
        import_path._close(folder)
    import_path._open_now.clear()
    import_path._OPENED.clear()
    for name in {*sys.modules} - before:
        if name.startswith("own_"):
            del sys.modules[name]


def write(folder: Path, scale: int = 1) -> Path:
    """A suite with a technique, its helper module and a dataset beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "own_steps.py").write_text(TECHNIQUE.format(scale=scale, helper="own_helper"))
    (folder / "own_helper.py").write_text(f"def scale():\n    return {scale}\n")
    (folder / "own_data.py").write_text(DATASET.format(name=f"{scale}"))
    path = folder / "mine.toml"
    path.write_text(SUITE)
    return path


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("spelling", ["absolute", "relative"])
def test_a_suite_is_read_from_everywhere(elsewhere: Path, spelling: str) -> None:
    path = write(elsewhere.parent / "there")
    asked = path if spelling == "absolute" else Path(os.path.relpath(path))
    loaded = read.load(asked)
    assert type(loaded.variants["scaled"].technique).__module__ == "own_steps"
    assert splits.load(loaded.dataset, elsewhere).test
    assert len(plan.plan(loaded, "d")) == 2


def test_what_a_plugin_imports_later_is_found_too(elsewhere: Path) -> None:
    loaded = read.load(write(elsewhere.parent / "there", scale=7))
    assert loaded.variants["scaled"].technique.build([], None, None) == 7  # type: ignore[attr-defined]


def test_two_suites_with_modules_of_one_name_have_each_its_own(elsewhere: Path) -> None:
    paths = [write(elsewhere.parent / f"{n}", n) for n in (1, 2)]
    write(elsewhere, 3)  # where the command is started there is a third
    loaded = [read.load(path) for path in paths]
    for number, one in enumerate(loaded, start=1):
        with import_path.beside(one.path):
            technique = one.variants["scaled"].technique
            assert number == sys.modules[type(technique).__module__].SCALE
            assert technique.build([], None, None) == number  # type: ignore[attr-defined]
            assert one.dataset.fingerprint(elsewhere) == str(number)
    keys = [{job.key for job in plan.plan(one, "d")} for one in loaded]
    assert len(keys[0] & keys[1]) == 1  # the teacher's


def test_another_suite_s_plugins_are_not_found(elsewhere: Path) -> None:
    read.load(write(elsewhere.parent / "1"))
    other = elsewhere / "other.toml"
    other.write_text(SUITE)
    with pytest.raises(UserError, match="'own_data' does not import: ModuleNotFoundError"):
        read.load(other)


def test_a_misspelt_module_gets_the_nearest_beside_the_suite(elsewhere: Path) -> None:
    path = write(elsewhere.parent / "there")
    path.write_text(SUITE.replace("own_steps", "own_stesp"))
    with pytest.raises(UserError, match=r"No module named 'own_stesp'; did you mean 'own_steps'\?"):
        read.load(path)


@pytest.mark.parametrize("name", ["tabulate", "onnx", "statistics", "compbench"])
def test_a_plugin_with_a_library_s_name_is_refused(elsewhere: Path, name: str) -> None:
    path = write(elsewhere.parent / "there")
    (path.parent / "own_steps.py").rename(path.parent / f"{name}.py")
    path.write_text(SUITE.replace("own_steps", name))
    with pytest.raises(UserError, match=f"'{name}' beside the suite file has the name of another"):
        read.load(path)


def test_a_folder_without_init_holds_plugins_too(elsewhere: Path) -> None:
    path = write(elsewhere.parent / "there")
    (path.parent / "own_package").mkdir()
    (path.parent / "own_steps.py").rename(path.parent / "own_package/own_steps.py")
    path.write_text(SUITE.replace("own_steps", "own_package.own_steps"))
    assert read.load(path).variants["scaled"].technique_name == "own_package.own_steps:Technique"


def test_suites_without_import_paths_leave_the_path_alone(elsewhere: Path) -> None:
    path = elsewhere.parent / "plain.toml"
    path.write_text('[variants.teacher]\ntechnique = "train"\nmodel = "mlp"\n')
    before = [*sys.path]
    read.load(path)
    assert sys.path == before


TRAPS = ("onnx", "tabulate", "pandas", "json", "random")
COMMANDS = {
    "python -m": [sys.executable, "-m", "compbench"],
    "console script": [sys.executable, "-c", "from compbench.cli.main import main; main()"],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
@pytest.mark.parametrize("start", ["there", "elsewhere"])
def test_the_command_finds_plugins_and_no_false_libraries(
    elsewhere: Path, command: list[str], start: str
) -> None:
    path = write(elsewhere.parent / "there")
    for name in TRAPS:
        (path.parent / f"{name}.py").write_text("raise SystemExit('a false library')\n")
    if start == "there" and command[1] == "-m":
        pytest.skip("Python itself puts the current folder first, before any line of compbench")
    where = Path(package.__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": str(where)}
    result = subprocess.run(
        [*command, "check", str(path)],
        cwd=elsewhere.parent / start,
        env=environment | ({"PYTHONSAFEPATH": "1"} if start == "there" else {}),
        capture_output=True,
        text=True,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "2 jobs: 0 in the store, 2 to make" in result.stdout


@pytest.fixture
def kept(elsewhere: Path) -> Path:
    """A finished run of a suite with a dataset of its own, and its baseline, in "project"."""
    project = elsewhere.parent / "project"
    path = write(project / "suites")
    loaded = read.load(path)
    described = digest.record(loaded.dataset_name, splits.load(loaded.dataset, project))
    write_run(project / "results", dataset=described, suite_path="suites/mine.toml")
    places = Places(project / "baselines", project / "results")
    baseline.save("mine", "main", places)
    for folder in [*import_path._open_now]:
        import_path._close(folder)
    import_path._open_now.clear()
    return project


def test_a_baseline_s_dataset_is_found_from_everywhere(kept: Path) -> None:
    ours = baseline.load(kept / "baselines/main")
    assert prepare.loaded(ours, kept)[0].test.arrays[PIXELS].shape == (8, 1, 8, 8)


def test_a_run_s_dataset_is_found_from_everywhere(kept: Path) -> None:
    (folder,) = (kept / "results/runs/mine").iterdir()
    newer = side(str(folder), read_run(folder), read_rows(folder))
    assert remeasure._inputs(newer, kept)[PIXELS].shape == (8, 1, 8, 8)


def test_a_dataset_whose_suite_is_gone_says_so(kept: Path) -> None:
    (kept / "suites/mine.toml").unlink()
    ours = baseline.load(kept / "baselines/main")
    with pytest.raises(UserError, match=r"'own_data' does not import: .*suites/mine\.toml"):
        prepare.loaded(ours, kept)


def test_the_suite_of_a_run_is_looked_for_above_it(tmp_path: Path) -> None:
    (tmp_path / "suites").mkdir()
    there = tmp_path / "suites/mine.toml"
    there.touch()
    assert suite_file("suites/mine.toml", tmp_path / "results/runs/mine/1") == there
    assert suite_file("suites/gone.toml", tmp_path / "results") == Path("suites/gone.toml")


def gated(project: Path, start: Path, candidate: Path) -> subprocess.CompletedProcess[str]:
    """`pytest --compbench` started in a folder, with the tests it would run."""
    options = {
        "": str(candidate),
        "-baseline": "main",
        "-baselines": str(project / "baselines"),
        "-results": str(project / "results"),
    }
    asked = [part for name, value in options.items() for part in (f"--compbench{name}", value)]
    plugins = ["-p", "no:cacheprovider", "-p", "compbench.pytest_plugin"]
    code = "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"
    where = {"PYTHONPATH": str(Path(package.__file__).parents[1])}
    return subprocess.run(
        [sys.executable, "-c", code, *plugins, *asked, "--collect-only", "-q"],
        cwd=start,
        env=os.environ | where | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
    )


def test_pytest_finds_the_plugins_of_a_suite_elsewhere(kept: Path, elsewhere: Path) -> None:
    result = gated(kept, elsewhere, kept / "suites/mine.toml")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "baseline.json::teacher[cpu_1thread]" in result.stdout


def test_pytest_says_a_plugin_s_mistake_in_one_line(kept: Path, elsewhere: Path) -> None:
    (kept / "suites/own_data.py").write_text("1 / 0\n")
    result = gated(kept, elsewhere, kept / "suites/mine.toml")
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert "'own_data' does not import: ZeroDivisionError: division by zero" in result.stderr
    assert result.stderr.strip().count("\n") == 0


def test_a_gate_needs_no_technique_of_its_suite(kept: Path, elsewhere: Path) -> None:
    (kept / "suites/own_steps.py").write_text("1 / 0\n")
    result = gated(kept, elsewhere, kept / "suites/mine.toml")
    assert result.returncode == 0, result.stdout + result.stderr


OWN_TASK = """
from compbench.tasks.classification import Task as Classification

class Task(Classification):
    pass
"""
OWN_PROVIDER = """
from compbench.providers.cpu import Provider as Cpu

class Provider(Cpu):
    pass
"""


@pytest.mark.parametrize("task", ["named", "the dataset's own", "neither"])
def test_a_task_and_a_provider_of_a_suite_elsewhere_are_found(elsewhere: Path, task: str) -> None:
    project = elsewhere.parent / "project"
    path = write(project / "suites")
    (path.parent / "own_task.py").write_text(OWN_TASK)
    (path.parent / "own_provider.py").write_text(OWN_PROVIDER)
    text = SUITE
    if task == "named":
        text = f'task = "own_task:Task"\n{SUITE}'
    if task == "the dataset's own":
        own = DATASET.format(name="1").replace("= 2\n", "= 2\n    task = 'own_task:Task'\n")
        (path.parent / "own_data.py").write_text(own)
    path.write_text(f'{text}[targets.own]\nprovider = "own_provider:Provider"\n')
    loaded = read.load(path)
    described = digest.record(loaded.dataset_name, splits.load(loaded.dataset, project))
    write_run(
        project / "results",
        dataset=described,
        suite_path="suites/mine.toml",
        task={"name": "own_task:Task", "options": {}, **loaded.task.says()},
        targets={"own": Target(provider="own_provider:Provider").model_dump(mode="json")},
    )
    baseline.save("mine", "main", Places(project / "baselines", project / "results"))
    result = gated(project, elsewhere, path)
    if task == "neither":
        assert result.returncode == pytest.ExitCode.USAGE_ERROR
        assert "'own_task' does not import" in result.stderr
        assert "suites/mine.toml does not name it" in result.stderr
    else:
        assert result.returncode == 0, result.stdout + result.stderr
        assert "baseline.json::teacher[own]" in result.stdout


def test_a_run_is_found_by_its_suite_file_from_everywhere(kept: Path) -> None:
    (run,) = (kept / "results/runs/mine").iterdir()
    assert find_run(kept / "results", str(kept / "suites/mine.toml")) == run
    with pytest.raises(UserError, match=r"the newest run of 'mine' is of suites/mine\.toml"):
        find_run(kept / "results", str(kept / "mine.toml"))
