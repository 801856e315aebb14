"""Benchmarks find what they are there to find: short forms, and results made up to be bad."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from compbench.results.folder import write_rows
from tests.benchmarks import commands, drifting, fresh, images, killing, making, many, suite_fuzz
from tests.benchmarks import flips as flips_of
from tests.benchmarks.bounds import Bounds
from tests.factory import make_row
from tests.kept import write_run
from tests.simulations.drift import drawn


def test_a_bound_that_is_missed_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    bounds = Bounds()
    bounds.at_most("seconds", 3, 3, "s")
    bounds.at_least("share", 0.7, 0.7)
    with pytest.raises(SystemExit) as reached:
        bounds.end()
    assert reached.value.code == 0
    bounds.at_least("share", 0.69, 0.7)
    bounds.at_most("ratio", float("nan"), 1)
    bounds.none_of("wrong", 1)
    with pytest.raises(SystemExit) as missed:
        bounds.end()
    assert missed.value.code == 1
    said = capsys.readouterr()
    assert "seconds: 3 s (at most 3 s: reached)" in said.out
    assert said.out.count("MISSED") == 3 == said.err.count("missed: ")


def test_a_command_that_fails_is_told_with_its_last_words() -> None:
    with pytest.raises(AssertionError, match=r"exit code 2: error: .*none"):
        fresh.timed(fresh.compbench("show", "none"))
    cost = fresh.timed(fresh.compbench("--help"))
    assert cost.seconds > 0 and cost.cpu_seconds > 0 and cost.peak_gb > 0


DAMAGED = Path("results/runs/mine/1/rows/artifact-cnn-0.jsonl")
ARTIFACT = Path("results/artifacts/cnn-0/manifest.json")


@pytest.mark.parametrize(
    ("code", "text", "path", "kind"),
    [
        (0, "90 %", DAMAGED, flips_of.SAME),
        (0, "89 %", DAMAGED, flips_of.WRONG),
        (0, "a file is damaged", DAMAGED, flips_of.WRONG),
        (0, "rows/artifact-cnn-0.jsonl is damaged", DAMAGED, flips_of.LACKS),
        (0, "artifact-cnn-0.jsonl\nwhat is missing", DAMAGED, flips_of.WRONG),
        (2, "error: artifact-cnn-0.jsonl is damaged\n", DAMAGED, flips_of.ERROR),
        (2, "error: it is damaged\n", DAMAGED, flips_of.UNNAMED),
        (2, "error: artifacts/cnn-0 is damaged\n", ARTIFACT, flips_of.ERROR),
        (commands.TRACEBACK, "ValueError", DAMAGED, flips_of.TRACEBACK),
    ],
)
def test_what_lacks_data_says_which_file_by_name(
    code: int, text: str, path: Path, kind: str
) -> None:
    assert flips_of.judged((code, text), (0, "90 %"), path) == kind


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (commands.Said(0, "mine", ""), suite_fuzz.READ),
        (commands.Said(0, "mine", "warning: odd\n"), suite_fuzz.WARNED),
        (commands.Said(2, "", "error: a line\n"), suite_fuzz.REFUSED),
        (commands.Said(2, "", "error: two\nlines\n"), suite_fuzz.ODD),
        (commands.Said(2, "", "no error\n"), suite_fuzz.ODD),
        (commands.Said(2, "half a tree", "error: a line\n"), suite_fuzz.ODD),
        (commands.Said(2, "", f"error: {'x' * 301}\n"), suite_fuzz.LONG),
        (commands.Said(1, "", "error: a line\n"), suite_fuzz.ODD_CODE),
        (commands.Said(commands.TRACEBACK, "", "KeyError"), suite_fuzz.RAISED),
    ],
)
def test_a_suite_is_read_or_refused_in_a_line(said: commands.Said, kind: str) -> None:
    assert suite_fuzz.judged(said)[0] == kind


def test_whatever_a_command_raises_is_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    class Panic(BaseException):
        """As libraries in Rust raise."""

    def panics() -> None:
        raise Panic("at the disco")

    monkeypatch.setattr(commands.main, "main", panics)
    said = commands.called("check")
    assert said.code == commands.TRACEBACK and "at the disco" in said.err


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders of the same finished run."""
    for name in ("killed", "undisturbed"):
        write_run(tmp_path / name / "results", suite="mine")
    return tmp_path / "killed", tmp_path / "undisturbed"


def test_a_run_that_was_finished_is_as_the_undisturbed_one(pair: tuple[Path, Path]) -> None:
    killed, _ = pair
    assert killing.differences(*pair) == []
    (manifest,) = (killed / "results" / "artifacts").glob("teacher-0/manifest.json")
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**content, "seconds": 5.0, "made_at": "later"}))
    assert killing.differences(*pair) == []
    manifest.write_text(json.dumps({**content, "samples_seen": 7}))
    assert killing.differences(*pair) == ["artifact teacher-0 differs"]


def test_a_byte_a_row_or_a_second_run_are_seen(pair: tuple[Path, Path]) -> None:
    killed, _ = pair
    (killed / "results" / "artifacts" / "student-0" / "model.onnx").write_bytes(b"other")
    assert killing.differences(*pair) == ["artifact student-0 differs"]
    shutil.rmtree(killed / "results" / "artifacts" / "student-0")
    (run,) = killing.runs(killed)
    write_rows(run, "more", [make_row("teacher", "macs", 5)])
    assert killing.differences(*pair) == ["artifact student-0 differs", "rows more differs"]
    shutil.copytree(run, run.with_name(f"{run.name}+"))
    assert killing.differences(*pair)[0] == "2 run folders"


def test_times_may_differ_and_nothing_else(tmp_path: Path) -> None:
    def told(metric: str, value: float, sample: float) -> str:
        row = make_row("teacher", metric, value, samples={"of": np.array([sample])})
        return killing._told(row)

    assert told("make_seconds", 1, 1) == told("make_seconds", 2, 2)
    assert told("score", 1, 1) != told("score", 2, 1)
    assert told("score", 1, 1) != told("score", 1, 2)


@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_the_slope_is_the_power(power: float) -> None:
    pairs = [(count, 3 * count**power) for count in (90, 900)]
    assert many.slope(*pairs) == pytest.approx(power)


@pytest.mark.parametrize("name", making.SUITES)
def test_suites_of_making_are_suites(name: str, tmp_path: Path) -> None:
    from compbench.suite import read

    path = tmp_path / "mine.toml"
    path.write_text(making.SUITES[name](), "utf-8")
    suite = read.load(path)
    assert len(suite.variants) >= 7 and suite.measure.seconds_per_arm < 0.1
    assert len(suite.seeds) == 1


def test_parts_of_one_split_are_seldom_alarmed_and_harder_ones_are() -> None:
    random = np.random.default_rng(0)
    validation, test, harder = (
        drawn(random, count, harder) for count, harder in ((300, 0.0), (400, 0.0), (400, 1.0))
    )
    made = drifting.Made(validation, test, {3: harder})
    unshifted = drifting.alarms(made, made.test, 200, 50, 0)
    assert max(unshifted) <= 0.06
    assert drifting.alarms(made, made.noisy[3], 200, 20, 0) == (1, 1)


@pytest.mark.slow
def test_images_are_read_and_a_run_of_them_begins(tmp_path: Path) -> None:
    path = images.made_up(tmp_path / "noise.zip", 600)
    assert images.read(path, tmp_path, 600).cpu_seconds > 0
    began = images.start(path, tmp_path)
    assert began.peak_bytes >= began.resident_bytes > 100e6
