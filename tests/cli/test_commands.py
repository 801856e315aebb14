"""What the commands say of a run: for people, in a pipe, quietly, as JSON."""
# ruff: noqa: F811, a fixture is an argument of its own name

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from compbench.cli import listing
from compbench.cli import output as cli_output
from compbench.own_folder import LIST
from compbench.report import write as report_write
from compbench.report.section import Page
from compbench.report.sections.cost import Section
from compbench.results.folder import new_folder, write_rows
from compbench.results.record import write_run
from compbench.run import run
from compbench.run.run import Outcome
from compbench.suite import schema
from compbench.table import frame
from compbench.table import write as table_write
from tests.cli.test_main import SUITE, compbench, files, refused  # noqa: F401
from tests.factory import RUN, RUN_ROWS

ESCAPE = "\x1b"
REPORT = Path("results", "reports", "mine", "README.md")


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A run under `results`, the default."""
    folder = new_folder(tmp_path / "results", "mine", RUN.started)
    write_run(folder, RUN)
    write_rows(folder, "all", RUN_ROWS)
    return folder.relative_to(tmp_path)


@pytest.fixture
def ran(stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Running a suite gives the stored run, in which something failed; the report is a file."""
    (tmp_path / "mine.toml").write_text(SUITE)

    def run_suite(suite, folders, progress) -> Outcome:
        progress.note("under way")
        return Outcome(stored, ("int8: out of memory",))

    monkeypatch.setattr(run, "run", run_suite)
    monkeypatch.setattr(
        report_write,
        "write",
        lambda folder, reports: report_write.Written(reports / "mine" / "README.md"),
    )
    return stored


def test_a_run_ends_with_its_overview_and_the_report(compbench, ran: Path) -> None:
    result = compbench("run", "mine.toml")
    lines = result.out.splitlines()
    assert lines[0] == "under way"
    assert lines[-1] == f"report: {REPORT}"
    assert lines[1].strip() == "mine on cpu_1thread"
    assert "failed on cpu_1thread: int8: out of memory" in lines
    assert (result.code, result.err) == (1, "failed: int8: out of memory\n")


def test_quiet_says_the_path_and_the_failures_only(compbench, ran: Path) -> None:
    result = compbench("run", "--quiet", "mine.toml")
    assert result.out == f"{REPORT}\n"
    assert (result.code, result.err) == (1, "failed: int8: out of memory\n")


@pytest.mark.parametrize("quiet", [(), ("--quiet",)])
def test_json_is_all_of_stdout(compbench, ran: Path, quiet: tuple[str, ...]) -> None:
    result = compbench("run", "--json", *quiet, "mine.toml")
    told = json.loads(result.out)
    records = told.pop("table")
    assert told == {
        "run": str(ran),
        "incomplete": [],
        "reports": [str(REPORT)],
        "failures": ["int8: out of memory"],
    }
    assert records == table_write.records(frame.table(RUN, RUN_ROWS))
    assert ("under way" in result.err) == (not quiet)
    assert result.code == 1


def test_json_of_a_wrong_suite_is_no_document(compbench) -> None:
    result = compbench("run", "--json", "none.toml")
    refused(result, "there is no such file")
    assert result.out == ""


def test_report_in_other_formats(compbench, stored: Path, tmp_path: Path) -> None:
    before = files(tmp_path)
    result = compbench("report", "mine", "--format", "csv, json,csv")
    folder = REPORT.parent
    paths = [folder / "table.csv", folder / "table.json"]
    assert result.out == "".join(f"report: {path}\n" for path in paths)
    assert files(tmp_path) - before == {
        str(folder.parent),
        str(folder),
        str(folder / LIST),
        *map(str, paths),
    }
    assert list(pd.read_csv(paths[0])["variant"]) == list(RUN.variants)
    assert compbench("report", str(stored), "--format", "csv", "--quiet").out == f"{paths[0]}\n"
    told = json.loads(compbench("report", "mine", "--format", "csv", "--json").out)
    assert told["reports"] == [str(paths[0])]
    assert [record["variant"] for record in told["table"]] == list(RUN.variants)


def test_markdown_is_the_default(compbench, ran: Path) -> None:
    assert compbench("report", "mine").out == f"report: {REPORT}\n"


WRONG = {
    "format": (
        ("report", "mine", "--format", "csv,parket"),
        "--format: there is no format 'parket'; did you mean 'parquet'?",
    ),
    "no format": (("report", "mine", "--format", ""), "known: csv, json, markdown, parquet"),
    "run to report": (("report", "mien"), "no run of 'mien'", "did you mean 'mine'?"),
    "run to show": (("show", "mien"), "no run of 'mien'", "did you mean 'mine'?"),
    "kind": (("list", "model"), "did you mean 'models'?"),
    "name": (("list", "models", "cn"), "there is no model 'cn'; did you mean 'cnn'?"),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_one_line_and_nothing_is_written(
    compbench, stored: Path, tmp_path: Path, case: tuple
) -> None:
    before = files(tmp_path)
    result = compbench(*case[0])
    refused(result, *case[1:])
    assert result.out == ""
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("command", "known"),
    [
        (("report", "mine"), "csv, json, markdown, parquet"),
        (("compare", "mine", "mine"), "csv, json, markdown, table"),
        (("history", "mine"), "csv, json, table"),
    ],
)
def test_every_command_with_formats_refuses_another_in_the_same_words(
    compbench, stored: Path, tmp_path: Path, command: tuple[str, ...], known: str
) -> None:
    before = files(tmp_path)
    for given, hint in [("jso", "did you mean 'json'?"), ("xyz", f"known: {known}")]:
        result = compbench(*command, "--format", given)
        refused(result, f"--format: there is no format '{given}'; {hint}")
        assert result.out == "" and files(tmp_path) == before


def test_show_writes_nothing(compbench, stored: Path, tmp_path: Path) -> None:
    before = files(tmp_path)
    result = compbench("show", "mine")
    assert result.out.startswith("mine on cpu_1thread")
    assert json.loads(compbench("show", "mine", "--json").out)["run"] == str(stored)
    assert files(tmp_path) == before


def test_list_and_schema(compbench) -> None:
    assert compbench("list", "models").out.startswith("model ")
    assert (
        compbench("list", "models", "cnn", "--json").out == listing.as_json("models", "cnn") + "\n"
    )
    assert compbench("schema").out == schema.as_text()


class Terminal:
    """A stream that says whether it is a terminal."""

    encoding = "utf-8"

    def __init__(self, is_terminal: bool):
        self.isatty = lambda: is_terminal
        self.written = ""

    def write(self, text: str) -> None:
        self.written += text

    def flush(self) -> None:
        """Nothing waits."""


@pytest.mark.parametrize(
    ("is_terminal", "environment", "is_coloured"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": ""}, True),  # no-color.org: when it is not empty
        (True, {"NO_COLOR": "1"}, False),
        (False, {}, False),
        (False, {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colours_are_for_terminals(
    monkeypatch: pytest.MonkeyPatch,
    is_terminal: bool,
    environment: dict[str, str],
    is_coloured: bool,
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm-256color", "COLUMNS": "300", **environment}.items():
        monkeypatch.setenv(name, value)
    stream = Terminal(is_terminal)
    monkeypatch.setattr(sys, "stdout", stream)
    console = cli_output.console()
    console.print("[bold red] words", style="bold red")
    assert (ESCAPE in stream.written) == is_coloured
    assert "[bold red] words" in stream.written
    assert console.width == 100


@pytest.mark.slow
def test_in_a_pipe_and_in_a_terminal(stored: Path, tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    command = [sys.executable, "-m", "compbench", "show", "mine"]
    plain = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    plain |= {"TERM": "xterm", "PYTHONIOENCODING": "utf-8"}

    def piped(**more: str) -> bytes:
        return subprocess.check_output(command, cwd=tmp_path, env=plain | more)

    def in_terminal(**more: str) -> bytes:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(command, cwd=tmp_path, env=plain | more, stdout=theirs)
        os.close(theirs)
        told = b""
        try:
            while piece := os.read(ours, 4096):
                told += piece
        except OSError:  # Linux's way to say that the other end is closed
            pass
        assert process.wait() == 0
        os.close(ours)
        return told

    escape = ESCAPE.encode()
    told = piped()
    assert "2.00× (2.00–2.00)" in told.decode()
    assert max(map(len, told.decode().splitlines())) <= 100
    assert escape not in told
    assert piped(FORCE_COLOR="1") == told
    assert b"2.00? (2.00?2.00)" in piped(PYTHONIOENCODING="ascii")
    assert escape in in_terminal()
    assert escape not in in_terminal(NO_COLOR="1")


def test_a_report_that_lacks_a_section_is_written_and_no_success(
    compbench, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compbench.report.pictures.draw.png", lambda figure: b"png")
    assert compbench("report", "mine").code == 0

    def raises(self: Section, page: Page) -> list[str]:
        raise ZeroDivisionError("by a section")

    monkeypatch.setattr(Section, "content", raises)
    result = compbench("report", "--json", "mine")
    path = Path("results", "reports", "mine", "failed-sections.txt")
    said = "the section `cost` could not be written: ZeroDivisionError: by a section"
    assert (result.code, result.err) == (1, f"failed: {said}; see {path}\n")
    assert json.loads(result.out)["failures"] == [f"{said}; see {path}"]


@pytest.mark.parametrize("command", [("show", "mine"), ("schema",), ("list", "techniques")])
def test_a_reader_that_goes_away_is_no_error(
    command: tuple[str, ...], stored: Path, tmp_path: Path
) -> None:
    """As in `| head -1`."""
    with subprocess.Popen(
        [sys.executable, "-m", "compbench", *command],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


BROUGHT = """
from compbench.contracts import RootTechnique

class Technique(RootTechnique):
    def load(self, locate, data, note):
        raise ValueError("größer als 4 µs — 日本")
"""
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize("reader", ["all", "the first line", "nobody"])
def test_an_error_in_any_letters_fails_its_row_whoever_reads(reader: str, tmp_path: Path) -> None:
    """Where the locale has none but ASCII's; as in `| head -1` the run ends with its reader."""
    (tmp_path / "brought.py").write_text(BROUGHT)
    (tmp_path / "mine.toml").write_text('[variants.own]\ntechnique = "brought:Technique"\n')
    with subprocess.Popen(
        [sys.executable, "-m", "compbench", "run", "mine.toml"],
        cwd=tmp_path,
        env={**os.environ, **ASCII},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout and process.stderr
        if reader == "the first line":
            assert process.stdout.readline()
        if reader != "all":
            process.stdout.close()
        told = process.stderr.read()
        out = process.stdout.read() if reader == "all" else b""
    assert process.returncode == 1
    assert b"Traceback" not in told + out
    if reader == "all":
        assert b"failed: own (seed 0): gr??er als 4 ?s ? ??" in told
        assert "größer als 4 µs — 日本" in (tmp_path / REPORT).read_text("utf-8")


def test_a_run_whose_only_target_is_skipped_says_so(compbench, tmp_path: Path) -> None:
    net = SUITE.partition("[variants.small]")[0]
    (tmp_path / "mine.toml").write_text(f'{net}[targets.windows]\nprovider = "directml"\n')
    done = compbench("run", "mine.toml", "--quiet")
    assert done.code == 1
    said = "failed: no target could be measured: windows: this ONNX Runtime has no DmlExecution"
    assert said in done.err
    assert (tmp_path / REPORT).is_file()
