"""What several tests need: a tiny dataset, suites written in place, real MNIST where it is."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from compbench.contracts import Split, TrainingData
from compbench.contracts.inputs import PIXELS
from compbench.data.splits import Data
from compbench.registry import import_path
from compbench.tasks import classification
from tests import times
from tests.nets import image_signature

SIGNATURE = image_signature(1, 12, 12, classes=3)

settings.register_profile("compbench", deadline=None)  # tests assert no times
settings.load_profile("compbench")


@pytest.hookimpl(tryfirst=True)  # before those are left out that are marked
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    known = {*times.FILE.read_text(encoding="utf-8").splitlines()}
    for item in items:
        if item.nodeid in known:
            item.add_marker(pytest.mark.slow)


def split(count: int, seed: int) -> Split:
    """Images of three classes that a small net can tell apart: a bright third of the picture."""
    random = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int64) % 3
    images = random.normal(0, 0.3, (count, 1, 12, 12))
    for index, label in enumerate(labels):
        images[index, :, 4 * label : 4 * label + 4] += 1
    return Split({PIXELS: np.rint(128 + 60 * images).clip(0, 255).astype(np.uint8)}, labels)


@pytest.fixture(scope="session")
def tiny() -> Data:
    training = TrainingData(split(96, 0), split(48, 1), classification.Task(), SIGNATURE)
    return Data(training, split(60, 2))


@pytest.fixture
def write_suite(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def mnist_dir() -> Path:
    folder = os.environ.get("COMPBENCH_DATA")
    if not folder or not (Path(folder) / "MNIST" / "raw").is_dir():
        pytest.skip("real MNIST is not here: set COMPBENCH_DATA to the folder that holds MNIST/raw")
    return Path(folder)


def write_idx(folder: Path, name: str, array: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    (folder / name).write_bytes(header + array.astype(np.uint8).tobytes())


@pytest.fixture
def idx_dir(tmp_path: Path) -> Path:
    """A folder laid out like MNIST, with 200 training and 40 test images of noise."""
    random = np.random.default_rng(0)
    raw = tmp_path / "data" / "MNIST" / "raw"
    for part, count in (("train", 200), ("t10k", 40)):
        write_idx(raw, f"{part}-images-idx3-ubyte", random.integers(0, 256, (count, 28, 28)))
        write_idx(raw, f"{part}-labels-idx1-ubyte", np.arange(count) % 10)
    return tmp_path / "data"


@pytest.fixture
def own_modules_forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Modules called own_… beside a test's suite are imported for that test alone."""
    before = {*sys.modules}
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    import_path._open_now.clear()
    import_path._OPENED.clear()
    for name in {*sys.modules} - before:
        if name.startswith("own_"):
            del sys.modules[name]
