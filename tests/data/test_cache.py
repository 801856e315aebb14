from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from compbench.data import cache
from compbench.data.cache import Writer
from compbench.errors import UserError

KEY = "0123456789abcdef" * 4
ROWS = np.arange(60, dtype=np.float32).reshape(20, 3)


def made(calls: list[int]):
    def make(writer: Writer) -> None:
        calls.append(1)
        writer.put("rows", ROWS)
        file = writer.create("later", "uint8", (20, 2))
        for start in (10, 0):
            file.write(start, np.full((10, 2), start, np.uint8))
        writer.notes["names"] = ["a", "b"]

    return make


def entry(folder: Path, calls: list[int]) -> cache.Entry:
    return cache.entry(folder, "some", KEY, made(calls))


def place(folder: Path) -> Path:
    return folder / cache.FOLDER / f"some-{KEY[:24]}"


def test_what_was_made_once_is_mapped_from_then_on(tmp_path: Path) -> None:
    calls: list[int] = []
    for _ in range(3):
        found = entry(tmp_path, calls)
        assert np.array_equal(found.arrays["rows"], ROWS)
        assert found.arrays["later"][:, 0].tolist() == [0] * 10 + [10] * 10
        assert found.notes == {"names": ["a", "b"]}
        assert all(isinstance(array, np.memmap) for array in found.arrays.values())
        with pytest.raises(ValueError, match="read-only"):
            found.arrays["rows"][0] = 1
    assert len(calls) == 1
    assert entry(tmp_path, calls).arrays["rows"].flags.writeable is False
    cache.entry(tmp_path, "some", "f" * 64, made(calls))
    assert len(calls) == 2


def test_rows_close_up(tmp_path: Path) -> None:
    def make(writer: Writer) -> None:
        writer.put("rows", ROWS)
        writer.keep("rows", np.array([0, 3, 4, 19]))

    found = cache.entry(tmp_path, "some", KEY, make)
    assert np.array_equal(found.arrays["rows"], ROWS[[0, 3, 4, 19]])


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 9)


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    times = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def _renamed_class(path: Path) -> None:
    path.write_text(path.read_text().replace('"a"', '"c"'))


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("rows.bin", _cut),
        ("rows.bin", _flip),
        ("later.bin", Path.unlink),
        ("manifest.json", _cut),
        ("manifest.json", _flip),
        ("manifest.json", _renamed_class),
        ("manifest.json", Path.unlink),
    ],
)
def test_a_damaged_entry_is_made_again_with_a_warning(
    tmp_path: Path, file: str, damage, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[int] = []
    entry(tmp_path, calls)
    assert capsys.readouterr().err == ""
    damage(place(tmp_path) / file)
    found = entry(tmp_path, calls)
    assert len(calls) == 2
    assert np.array_equal(found.arrays["rows"], ROWS)
    assert capsys.readouterr().err == f"{place(tmp_path)} is damaged: it is made again\n"
    entry(tmp_path, calls)
    assert len(calls) == 2
    assert [p.name for p in (tmp_path / cache.FOLDER).glob(".tmp-*")] == []


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    def make(writer: Writer) -> None:
        writer.put("rows", ROWS)
        raise UserError("no such thing")

    with pytest.raises(UserError, match="no such thing"):
        cache.entry(tmp_path, "some", KEY, make)
    assert not place(tmp_path).exists()
    assert [p.name for p in (tmp_path / cache.FOLDER).glob(".tmp-*")] == []


KILLED = """
import sys, time
from pathlib import Path
import numpy as np
from compbench.data import cache
def make(writer):
    writer.put("rows", np.zeros((20, 3), np.float32))
    print("half", flush=True)
    time.sleep(600)
cache.entry(Path(sys.argv[1]), "some", sys.argv[2], make)
"""


def test_a_kill_in_the_middle_never_looks_finished(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path), KEY], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout and process.stdout.readline() == "half\n"
        process.send_signal(signal.SIGKILL)
    assert not place(tmp_path).exists()
    assert len([*(tmp_path / cache.FOLDER).glob(".tmp-*")]) == 1
    calls: list[int] = []
    assert np.array_equal(entry(tmp_path, calls).arrays["rows"], ROWS)
    assert calls == [1]
    assert [*(tmp_path / cache.FOLDER).glob(".tmp-*")] == []


def test_of_several_at_once_one_makes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[int] = []
    together = threading.Barrier(4)
    found: list[np.ndarray] = []

    def ask() -> None:
        together.wait()
        found.append(np.array(entry(tmp_path, calls).arrays["rows"]))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [1]
    assert all(np.array_equal(rows, ROWS) for rows in found) and len(found) == 4


def _unwritable(folder: Path) -> Path:
    """A folder in which not even root can make one: it is a file."""
    folder.write_text("")
    return folder


def test_where_the_data_folder_cant_be_written_it_is_kept_under_the_results(tmp_path: Path) -> None:
    data, calls = _unwritable(tmp_path / "data"), list[int]()
    with pytest.raises(UserError, match=r"can't be kept in .*data \(.*--data-dir"):
        entry(data, calls)
    for _ in range(2):
        with cache.fallback(tmp_path / "results"):
            assert np.array_equal(entry(data, calls).arrays["rows"], ROWS)
    assert calls == [1]
    assert place(tmp_path / "results").is_dir()


def test_a_full_disk_is_said_before_anything_is_written(tmp_path: Path) -> None:
    def make(writer: Writer) -> None:
        writer.create("rows", "uint8", (10**9, 10**9))

    with pytest.raises(UserError, match="no room for 1,000,000,000,000,000,000 bytes"):
        cache.entry(tmp_path, "some", KEY, make)


def test_a_text_is_remembered_as_long_as_it_is_whole(tmp_path: Path) -> None:
    calls: list[int] = []

    def find() -> str:
        calls.append(1)
        return "found"

    for _ in range(2):
        assert cache.remembered(tmp_path, KEY, find) == "found"
    assert calls == [1]
    (file,) = (tmp_path / cache.FOLDER).glob("text-*.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"text": "other"}))
    assert cache.remembered(tmp_path, KEY, find) == "found"
    assert cache.remembered(_unwritable(tmp_path / "file"), KEY, find) == "found"
    assert len(calls) == 3
