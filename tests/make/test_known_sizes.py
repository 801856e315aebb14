"""A file's bytes are coded once, by whatever name and in whatever run they come again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compbench.errors import JobFailed
from compbench.files import sha256
from compbench.make import known_sizes
from compbench.make.known_sizes import KnownSizes
from compbench.onnxfile import size
from compbench.registry.fingerprint import Fingerprint, Sources
from compbench.runtime.process import Worker
from tests.benchmarks import nets


class Here(Worker):
    """Does its tasks in this process, and counts them."""

    asked = 0

    def call(self, function: Any, spec: Any, *_: Any, **__: Any) -> Any:
        self.asked += 1
        return function(spec, {})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.onnx"
    path.write_bytes(nets.identity())
    return path


def test_equal_bytes_are_measured_once_in_all_runs(file: Path, tmp_path: Path) -> None:
    other, worker = tmp_path / "other.onnx", Here()
    other.write_bytes(file.read_bytes())
    expected = size.measured({"file": str(file)}, None)
    for sizes in (KnownSizes(tmp_path), KnownSizes(tmp_path)):
        for path in (file, other):
            found = sizes.of(path, sha256(path), worker)
            assert list(found) == list(expected)
            for name, array in expected.items():
                assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
                np.testing.assert_array_equal(found[name], array)
    assert worker.asked == 1
    file.write_bytes(nets.identity() + b"")
    sizes.of(file, "another checksum", worker)
    assert worker.asked == 2


def test_other_code_measures_again(file: Path, tmp_path: Path, monkeypatch) -> None:
    worker = Here()
    KnownSizes(tmp_path).of(file, "x", worker)
    monkeypatch.setattr(Sources, "of", lambda *_, **__: Fingerprint({"m": "new"}, {}))
    for _ in range(2):
        KnownSizes(tmp_path).of(file, "x", worker)
    assert worker.asked == 2


@pytest.mark.parametrize("damage", ["cut", "empty", "changed", "other"])
def test_what_is_damaged_is_measured_again(damage: str, file: Path, tmp_path: Path) -> None:
    worker, sizes = Here(), KnownSizes(tmp_path)
    expected = sizes.of(file, "x", worker)
    (place,) = (tmp_path / known_sizes.FOLDER).iterdir()
    content = place.read_text()
    damaged = {
        "cut": content[:-30],
        "empty": "",
        "changed": content.replace(f"{expected['size_bytes']}", "1", 1),
        "other": "[1]",
    }
    place.write_text(damaged[damage])
    with pytest.warns(UserWarning, match="is damaged .*: measured again"):
        found = sizes.of(file, "x", worker)
    assert found["size_bytes"] == expected["size_bytes"]
    assert worker.asked == 2
    assert place.read_text() == content


def test_what_fails_is_not_kept(tmp_path: Path) -> None:
    def failing(*_: Any, **__: Any) -> Any:
        raise JobFailed("no model")

    worker = Here()
    worker.call = failing
    with pytest.raises(JobFailed):
        KnownSizes(tmp_path).of(tmp_path / "none", "x", worker)
    assert not (tmp_path / known_sizes.FOLDER).exists()
