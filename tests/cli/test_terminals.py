"""Any terminal, letters and time zone: a command says what it has to say, without a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from compbench.results.folder import new_folder, write_rows
from compbench.results.record import write_run
from tests.factory import RUN, RUN_ROWS, status_row, with_keys

ROWS = [row for row in RUN_ROWS if (row.variant, row.metric) != ("int8", "status")]
ROWS += [status_row("int8", "größer als 4 µs — 日本")]
WAYS = {
    "letters of ASCII": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "no cursor": {"TERM": "dumb"},
    "no terminal's name": {"TERM": ""},
    "narrow": {"COLUMNS": "40"},
    "very narrow": {"COLUMNS": "1"},
    "another day": {"TZ": "Pacific/Kiritimati"},
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_run_is_shown_everywhere(tmp_path: Path, way: dict[str, str]) -> None:
    folder = new_folder(tmp_path / "results", RUN.suite, RUN.started)
    write_run(folder, with_keys(RUN, ROWS))
    write_rows(folder, "all", ROWS)
    for command in ("show", "pick", "history"):
        done = subprocess.run(
            [sys.executable, "-m", "compbench", command, str(folder)],
            cwd=tmp_path,
            capture_output=True,
            env={**os.environ, **way},
        )
        told = done.stdout + done.stderr
        assert done.returncode in (0, 1), told
        assert b"Traceback" not in told
        assert b"student" in b"".join(told.split())
