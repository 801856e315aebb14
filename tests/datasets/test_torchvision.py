"""Datasets that torchvision downloads, in small."""

from __future__ import annotations

import hashlib
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compbench.contracts import DatasetSource, kinds
from compbench.data import cifar, idx, splits
from compbench.data.torchvision import torchvision
from compbench.errors import UserError
from tests.conftest import write_idx

CIFAR = {"cifar10": 10, "cifar100": 100}


def loaded(source: DatasetSource, folder: Path) -> splits.Data:
    return splits.load(source, folder, kinds.made_task("classification"))


@pytest.fixture
def tiny_cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A data folder with few images of CIFAR, and a torchvision that expects just these files."""

    def make(name: str) -> Path:
        source: Any = kinds.dataset(name)
        kind = getattr(torchvision("datasets"), source.name)
        label, names = kind.meta["key"].replace("_names", "s"), kind.meta["key"]
        folder = tmp_path / "data" / source.folder
        folder.mkdir(parents=True)
        random, md5 = np.random.default_rng(0), {}
        for file in source.files:
            content: dict[str, Any] = {
                "data": random.integers(0, 256, (20 * CIFAR[name], 3 * 32 * 32), np.uint8),
                "labels" if label == "labels" else label: [*range(CIFAR[name])] * 20,
                names: [f"name {index}" for index in range(CIFAR[name])],
            }
            (folder / file).write_bytes(pickle.dumps(content))
            md5[file] = hashlib.md5((folder / file).read_bytes()).hexdigest()
        small = type(
            "Small",
            (kind,),
            {
                "train_list": [[file, md5[file]] for file, _ in kind.train_list],
                "test_list": [[file, md5[file]] for file, _ in kind.test_list],
                "meta": kind.meta | {"md5": md5[kind.meta["filename"]]},
            },
        )
        monkeypatch.setattr(cifar, "torchvision", lambda _: type("M", (), {source.name: small}))
        return tmp_path / "data"

    return make


@pytest.mark.parametrize("name", [*CIFAR])
def test_cifar_is_kept_as_arrays(name: str, tiny_cifar, monkeypatch) -> None:
    data_dir = tiny_cifar(name)
    source: Any = kinds.dataset(name)
    found = loaded(source, data_dir)
    assert found.signature.inputs["pixels"].shape == (3, 32, 32)
    assert found.signature.outputs == CIFAR[name]
    assert len(found.test) == 20 * CIFAR[name]
    assert found.class_names[1] == "name 1"
    raw = (
        pickle.loads((data_dir / source.folder / "test_batch").read_bytes())
        if name == "cifar10"
        else None
    )
    if raw:
        assert np.array_equal(found.test.first(1)["pixels"].ravel(), raw["data"][0])
    monkeypatch.setattr(cifar, "torchvision", lambda _: pytest.fail("it was read again"))
    assert np.array_equal(loaded(source, data_dir).test.targets, found.test.targets)


@pytest.mark.parametrize("name", [*CIFAR])
def test_a_damaged_pickle_is_named_and_never_loaded(name: str, tiny_cifar) -> None:
    data_dir = tiny_cifar(name)
    source: Any = kinds.dataset(name)
    before = source.fingerprint(data_dir)
    for file in source.files:
        path = data_dir / source.folder / file
        whole = path.read_bytes()
        path.write_bytes(b"cos\nabort\n(tR.")  # ends the process that loads it
        assert source.fingerprint(data_dir) != before
        with pytest.raises(UserError, match=f"{file} is damaged: its MD5 is"):
            source.load(data_dir)
        path.unlink()
        with pytest.raises(UserError, match=f"{file} is missing"):
            source.fingerprint(data_dir)
        path.write_bytes(whole)
    assert source.fingerprint(data_dir) == before


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "emnist", "kmnist"])
def test_absent_and_offline_says_where_to_put_what(name: str, tmp_path: Path, monkeypatch) -> None:
    class Offline:
        def __init__(self, *_: object, **__: object) -> None:
            raise RuntimeError("<urlopen error offline>\nmore")

    kinds_there: dict[str, Any] = dict.fromkeys(
        ("CIFAR10", "CIFAR100", "EMNIST", "KMNIST"), Offline
    )
    for module in (cifar, idx):
        monkeypatch.setattr(module, "torchvision", lambda _: type("M", (), kinds_there))
    source = kinds.dataset(name)
    assert source.fingerprint(tmp_path / "new") is None
    with pytest.raises(UserError, match=r"could not be downloaded .*offline.*; put ") as caught:
        source.load(tmp_path / "new")
    assert "--data-dir or COMPBENCH_DATA" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "new").exists()


def test_kmnist_is_read_as_mnist(idx_dir: Path) -> None:
    shutil.move(idx_dir / "MNIST", idx_dir / "KMNIST")
    found = loaded(kinds.dataset("kmnist"), idx_dir)
    assert found.class_names[:2] == ("o", "ki")
    assert len(found.test) == 40


EMNIST = {"balanced": 47, "bymerge": 47, "byclass": 62, "letters": 26, "digits": 10, "mnist": 10}


@pytest.mark.parametrize("split", [*EMNIST])
def test_emnist_is_upright_and_has_labels_from_0(split: str, tmp_path: Path) -> None:
    raw, classes = tmp_path / "EMNIST/raw", EMNIST[split]
    images = np.random.default_rng(0).integers(0, 256, (10 * classes, 28, 28))
    labels = np.arange(10 * classes) % classes + (split == "letters")
    for part in ("train", "test"):
        write_idx(raw, f"emnist-{split}-{part}-images-idx3-ubyte", images)
        write_idx(raw, f"emnist-{split}-{part}-labels-idx1-ubyte", labels)
    found = loaded(kinds.dataset("emnist", {"split": split}), tmp_path)
    assert len(found.class_names) == found.signature.outputs == classes
    assert found.test.targets.tolist() == (np.arange(10 * classes) % classes).tolist()
    assert not found.test.is_in_memory
    assert np.array_equal(found.test.first(1)["pixels"][0, 0], images[0].T)


def test_a_selection_of_emnist_that_is_absent_is_not_another(tmp_path: Path) -> None:
    write_idx(tmp_path / "EMNIST/raw", "emnist-mnist-train-labels-idx1-ubyte", np.zeros(3))
    assert kinds.dataset("emnist", {"split": "letters"}).fingerprint(tmp_path) is None
    with pytest.raises(UserError, match="emnist-mnist-train-images-idx3-ubyte is missing"):
        kinds.dataset("emnist", {"split": "mnist"}).fingerprint(tmp_path)
