"""The command line as a user meets it: what is wrong is one line and exit code 2."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple

import pytest
from typer.main import get_command

from compbench.cli import baseline, commands, main
from compbench.data import digest, splits
from compbench.errors import UserError
from compbench.files import PLACES
from compbench.make.store import Manifest, Store
from compbench.own_folder import OwnFolder
from compbench.results.folder import new_folder
from compbench.results.record import write_run
from compbench.run import run
from compbench.runtime.temporary import Temporary
from compbench.suite import plan
from compbench.suite import read as suite_read
from tests.factory import make_run

SUITE = """
[variants.teacher]
technique = "train"
model = "mlp"
epochs = 1
[variants.small]
technique = "distill"
parent = "teacher"
model = { name = "mlp", hidden = [8] }
epochs = 1
[variants.small_int8]
technique = "quantize_static"
parent = "small"
"""


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def compbench(tmp_path: Path, monkeypatch, capsys) -> Callable[..., Result]:
    """The command, run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def call(*arguments: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["compbench", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main.main()
        code = stopped.value.code
        captured = capsys.readouterr()
        return Result(code if isinstance(code, int) else 0, captured.out, captured.err)

    return call


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def refused(result: Result, *parts: str) -> None:
    assert result.code == 2
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
    for part in parts:
        assert part in result.err


WRONG = {
    "technique": (SUITE.replace('"distill"', '"distil"'), "did you mean 'distill'?"),
    "option": (SUITE + "calibration_sample = 3\n", "did you mean 'calibration_samples'?"),
    "parent": (SUITE.replace('parent = "small"', 'parent = "smal"'), "did you mean 'small'?"),
    "two of one name": (SUITE + "[variants.small]\n", "is not TOML"),
    "empty": ("", "has no variants"),
    "no TOML": ("variants: teacher", "is not TOML"),
}


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize(("text", "part"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_suite_is_one_line_and_nothing_is_written(
    compbench, tmp_path: Path, command: str, text: str, part: str
) -> None:
    (tmp_path / "mine.toml").write_text(text)
    refused(compbench(command, "mine.toml"), "mine.toml: ", part)
    assert files(tmp_path) == {"mine.toml"}


def test_an_absent_suite_names_the_nearest(compbench, tmp_path: Path) -> None:
    (tmp_path / "quickstart.toml").write_text(SUITE)
    refused(compbench("run", "quickstat.toml"), "did you mean 'quickstart.toml'?")


def test_a_damaged_dataset(compbench, tmp_path: Path, idx_dir: Path) -> None:
    (tmp_path / "mine.toml").write_text('dataset = "mnist"\n' + SUITE)
    images = idx_dir / "MNIST" / "raw" / "t10k-images-idx3-ubyte"
    images.write_bytes(images.read_bytes()[:-1])
    before = files(tmp_path)
    result = compbench("run", "mine.toml", "--data-dir", str(idx_dir))
    refused(result, str(images), "its header promises 31,376 bytes, it has 31,375")
    assert files(tmp_path) == before


@pytest.mark.parametrize("option", ["--results", "--reports"])
def test_a_folder_that_is_a_file(compbench, tmp_path: Path, option: str) -> None:
    (tmp_path / "mine.toml").write_text(SUITE)
    (tmp_path / "taken").write_text("mine")
    result = compbench("run", "mine.toml", option, "taken")
    refused(result, "taken can't be written", f"name another folder with {option}")
    assert (tmp_path / "taken").read_text() == "mine"
    assert files(tmp_path) == {"mine.toml", "taken"}


def test_no_space_left(compbench, tmp_path: Path, monkeypatch) -> None:
    """The disk fills when the second artifact is written; the first stays, nothing half-written."""
    (tmp_path / "mine.toml").write_text(SUITE)
    real, written = run.Store.put, []

    def put(self, manifest, contents):
        written.append(manifest.key)
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device", "results/artifacts/x")
        return real(self, manifest, contents)

    monkeypatch.setattr(run.Store, "put", put)
    result = compbench("run", "mine.toml")
    refused(result, "No space left on device; what was finished is kept")
    kept = [path.name for path in (tmp_path / "results" / "artifacts").iterdir() if path.is_dir()]
    assert kept == written[:1]


@pytest.mark.parametrize("variable", PLACES)
def test_a_folder_for_temporary_files_that_is_not_there_is_named(
    variable: str, compbench, tmp_path: Path, monkeypatch
) -> None:
    """Python takes another without a word."""
    (tmp_path / "mine.toml").write_text(SUITE)
    for name in PLACES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "/no/where")
    result = compbench("run", "mine.toml")
    refused(result, f"{variable} = /no/where: there is no such folder for temporary files")
    assert files(tmp_path) == {"mine.toml"}
    with pytest.raises(UserError, match="no such folder for temporary files"):
        Temporary()  # for all commands that measure


def test_a_full_disk_of_temporary_files_is_named(compbench, tmp_path: Path, monkeypatch) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (tmp_path / "mine.toml").write_text(SUITE)
    working = tempfile.TemporaryFile

    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(
        tempfile, "TemporaryFile", lambda dir: Full() if dir == full else working(dir=dir)
    )
    monkeypatch.setenv("TMPDIR", str(full))
    refused(compbench("run", "mine.toml"), f"{full} can't be written: No space left", "TMPDIR")


def test_check_shows_the_lineage_and_writes_nothing(compbench, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(SUITE)
    result = compbench("check", "mine.toml")
    assert result.code == 0
    assert files(tmp_path) == {"mine.toml"}
    lines = result.out.splitlines()
    assert lines[0] == "mine: dataset digits; seeds 0; targets cpu_1thread"
    assert lines[1] == "3 jobs: 0 in the store, 3 to make"
    assert [line.split("── ")[-1] for line in lines[2:]] == [
        "teacher train  to make",
        "small distill  to make",
        "small_int8 quantize_static  to make",
    ]


def test_check_says_what_changed_since_a_variant_was_made(
    compbench, tmp_path: Path, monkeypatch
) -> None:
    (tmp_path / "mine.toml").write_text(SUITE)
    store = Store(tmp_path / "results")
    store.root.mkdir(parents=True)
    loaded = suite_read.load(tmp_path / "mine.toml")
    record = digest.record("digits", splits.load(loaded.dataset, tmp_path))
    for job in plan.plan(loaded, record["digest"]):
        store.put(manifest_of(job), {"model.onnx": b"m"})
    assert "3 jobs: 3 in the store, 0 to make" in compbench("check", "mine.toml").out
    assert len([*(tmp_path / "results" / "digests").iterdir()]) == 1

    def load(*_: object) -> None:
        raise AssertionError("it was loaded before")

    monkeypatch.setattr(splits, "load", load)
    assert "3 in the store" in compbench("check", "mine.toml").out
    monkeypatch.setenv("OMP_NUM_THREADS", "77")
    read = Path.read_bytes
    monkeypatch.setattr(
        Path, "read_bytes", lambda f: read(f) + (b"\nX = 1\n" if f.name == "losses.py" else b"")
    )
    lines = compbench("check", "mine.toml").out.splitlines()
    threads = f"threads: {loaded_threads(store)} became 77"
    assert lines[1] == "3 jobs: 0 in the store, 3 to make"
    text = " ".join(" ".join(lines[2:]).split())
    assert f"teacher train to make (changed: {threads})" in text
    assert f"(changed: code of compbench.training.losses, {threads}, parent)" in text


def loaded_threads(store: Store) -> int:
    return next(store.manifests()).parts["threads"]


def manifest_of(job: plan.Job) -> Manifest:
    return Manifest(
        key=job.key,
        variant=job.variant.name,
        technique=job.variant.technique_name,
        seed=job.seed,
        parents=job.parent_keys,
        files={},
        versions={},
        parts=dict(job.parts),
        made_at="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        samples_seen=0,
        chosen_epoch=None,
    )


@pytest.mark.parametrize("name", ["mine", "mine.toml", "results/runs/mine/1"])
def test_a_report_of_no_run(compbench, name: str) -> None:
    refused(compbench("report", name), "no run of")


def test_a_report_of_another_suite_file_of_the_same_name(compbench, tmp_path: Path) -> None:
    started = "2026-01-01T00:00:00+00:00"
    folder = new_folder(tmp_path / "results", "mine", started)
    write_run(folder, make_run(suite_path="mine.toml"))
    refused(compbench("report", "other/mine.toml"), "the newest run of 'mine' is of mine.toml")


def test_suite_files_of_one_name_and_one_relative_path_are_told_apart(
    compbench, tmp_path: Path, monkeypatch
) -> None:
    def work(*_: object) -> None:
        raise UserError("enough")

    for place, seed in (("ours", 0), ("theirs", 1)):
        (tmp_path / place).mkdir()
        (tmp_path / place / "mine.toml").write_text(f"seeds = [{seed}]\n{SUITE}")
    (tmp_path / "link").symlink_to("ours")
    monkeypatch.setattr(run, "Work", work)
    given = ("mine.toml", "--results", str(tmp_path / "shared"))
    for place in ("ours", "ours", "link"):
        monkeypatch.chdir(tmp_path / place)
        refused(compbench("run", *given), "enough")
    assert len([*(tmp_path / "shared" / "runs" / "mine").iterdir()]) == 1
    monkeypatch.chdir(tmp_path / "theirs")
    refused(compbench("run", *given), "another suite file of this name", "ours/mine.toml: rename")
    refused(compbench("report", *given), "the newest run of 'mine' is of mine.toml")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ours").rename(tmp_path / "moved")
    (tmp_path / "moved" / "mine.toml").unlink()
    monkeypatch.chdir(tmp_path / "theirs")
    refused(compbench("run", *given), "enough")


def test_a_shared_folder_of_reports_is_refused_before_anything_is_made(
    compbench, tmp_path: Path
) -> None:
    for place in ("ours", "theirs"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "mine.toml").write_text(f"# {place}\n{SUITE}")
    OwnFolder(tmp_path / "r" / "mine", "report", tmp_path / "ours" / "mine.toml").put({"a": b""})
    refused(
        compbench("run", "theirs/mine.toml", "--results", "new", "--reports", "r"),
        "mine is of another suite file of this name",
        "ours/mine.toml: rename",
        "--reports",
    )
    assert not [*(tmp_path / "new").rglob("run.json")]


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_stopped_by_a_signal_it_says_how_to_go_on(
    name: str, code: int, compbench, tmp_path: Path, monkeypatch
) -> None:
    (tmp_path / "mine.toml").write_text(SUITE)
    number = signal.Signals[name]

    def stop(*_: object) -> None:
        os.kill(os.getpid(), number)
        time.sleep(10)

    before = signal.getsignal(number)
    monkeypatch.setattr(run, "Work", stop)
    result = compbench("run", "mine.toml")
    assert (result.code, result.err) == (code, "stopped; the same command goes on from here\n")
    assert signal.getsignal(number) == before
    with Store(tmp_path / "results").lock():
        pass


def test_a_signal_that_is_ignored_stays_ignored(compbench, tmp_path: Path, monkeypatch) -> None:
    """As under nohup."""
    (tmp_path / "mine.toml").write_text(SUITE)
    heard = []

    def work(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        heard.append(signal.getsignal(signal.SIGHUP))
        raise UserError("enough")

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        monkeypatch.setattr(run, "Work", work)
        refused(compbench("run", "mine.toml"), "enough")
    finally:
        signal.signal(signal.SIGHUP, before)
    assert heard == [signal.SIG_IGN]


def test_an_unknown_command_and_help(compbench) -> None:
    assert compbench("rnu").code == 2
    assert "run" in compbench("--help").out


def test_a_read_only_folder(compbench, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "mine.toml").write_text(SUITE)

    def denied(dir: Path) -> IO[bytes]:
        if dir == Path(tempfile.gettempdir()):
            return working(dir=dir)
        raise PermissionError(errno.EACCES, "Permission denied")

    working = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", denied)
    refused(compbench("run", "mine.toml"), "results can't be written: Permission denied")
    assert files(tmp_path) == {"mine.toml"}


COMMANDS = [
    *((name,) for name in get_command(commands.app).commands),  # pyright: ignore[reportAttributeAccessIssue]
    *(("baseline", name) for name in get_command(baseline.app).commands),  # pyright: ignore[reportAttributeAccessIssue]
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_of_a_command_says_all_that_is_said_of_it(command, compbench) -> None:
    found = get_command(commands.app)
    for name in command:
        found = found.commands[name]  # pyright: ignore[reportAttributeAccessIssue]
    shown = compbench(*command, "--help").out.split()
    assert found.help
    assert not [word for word in found.help.split() if word not in shown]
