"""Folders of killed processes are removed, all others stay."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from compbench.runtime import temporary

HOLD = "import time; from compbench.runtime.temporary import Temporary; x = Temporary(); "
HOLD += "print(x.path, flush=True); time.sleep(60)"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_closed_one_is_gone(place: Path) -> None:
    one = temporary.Temporary()
    assert Path(one.path).parent == place
    one.close()
    assert not any(place.iterdir())


def test_one_whose_process_lives_stays_and_one_that_was_killed_goes(place: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    (folder / "trace").write_text("x")
    assert temporary.remove_leftovers() == 0
    assert folder.is_dir()
    process.kill()
    process.communicate()
    assert temporary.remove_leftovers() == 1
    assert not folder.exists()


def test_what_is_not_provably_its_own_stays(place: Path) -> None:
    (place / "compbench-of-a-person").mkdir()
    (place / "compbench-file").write_text("x")
    other = place / "other"
    other.mkdir()
    (other / ".owner").write_text("")
    (place / "compbench-link").symlink_to(other)
    odd = place / "compbench-odd"
    odd.mkdir()
    (odd / ".owner").symlink_to(other / ".owner")
    before = sorted(place.rglob("*"))
    assert temporary.remove_leftovers() == 0
    assert sorted(place.rglob("*")) == before
