from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from compbench.data import digest, idx
from compbench.data.splits import load
from compbench.datasets import digits, fashion_mnist, mnist
from compbench.errors import UserError
from tests.conftest import write_idx


def test_digits_splits_are_stratified_disjoint_and_fixed(tmp_path: Path) -> None:
    first, again = (load(digits.Dataset(), tmp_path) for _ in range(2))
    splits = [first.training.train, first.training.validation, first.test]
    assert sum(map(len, splits)) == 1797
    for one, two in zip(
        splits, [again.training.train, again.training.validation, again.test], strict=True
    ):
        assert np.array_equal(one.images, two.images)
        assert np.array_equal(one.labels, two.labels)
    for part in splits:
        shares = np.bincount(part.labels, minlength=10) / len(part)
        assert np.all(abs(shares - 0.1) < 0.02)
        assert part.images.shape[1:] == (1, 28, 28)
        assert part.images.dtype == np.float32
    assert abs(first.training.train.images.mean()) < 1e-3
    assert abs(first.training.train.images.std() - 1) < 1e-3


def test_an_idx_folder_is_read_as_mnist(idx_dir: Path) -> None:
    loaded = load(mnist.Dataset(), idx_dir)
    assert (len(loaded.training.train), len(loaded.training.validation)) == (160, 40)
    assert len(loaded.test) == 40


def test_digest_changes_with_a_single_pixel(idx_dir: Path) -> None:
    before = digest.digest(mnist.Dataset(), idx_dir)
    path = idx_dir / "MNIST/raw/train-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    assert before != digest.digest(mnist.Dataset(), idx_dir)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: p.write_bytes(p.read_bytes()[:-1]), "its header promises 156,816 bytes"),
        (lambda p: p.write_bytes(b"<html>not found</html>"), "does not begin as an IDX file"),
        (lambda p: p.write_bytes(b""), "does not begin as an IDX file"),
        (lambda p: p.unlink(), "is missing"),
    ],
    ids=["cut", "html", "empty", "missing"],
)
def test_a_damaged_idx_file_is_named(idx_dir: Path, damage, message: str) -> None:
    path = idx_dir / "MNIST/raw/train-images-idx3-ubyte"
    damage(path)
    with pytest.raises(UserError, match=message) as caught:
        digest.digest(mnist.Dataset(), idx_dir)
    assert str(path) in str(caught.value)


def test_labels_out_of_range(idx_dir: Path) -> None:
    write_idx(idx_dir / "MNIST/raw", "train-labels-idx1-ubyte", np.full(200, 11))
    with pytest.raises(UserError, match="labels are not all in 0 to 9"):
        load(mnist.Dataset(), idx_dir)


def test_more_images_than_labels(idx_dir: Path) -> None:
    write_idx(idx_dir / "MNIST/raw", "t10k-labels-idx1-ubyte", np.zeros(39))
    with pytest.raises(UserError, match="40 images but 39 labels"):
        load(mnist.Dataset(), idx_dir)


def test_absent_and_offline_says_where_to_put_what(tmp_path: Path, monkeypatch) -> None:
    class Offline:
        def __init__(self, *_: object, **__: object) -> None:
            raise RuntimeError("Error downloading train-images-idx3-ubyte.gz:\nmore")

    monkeypatch.setattr(idx, "torchvision", lambda _: type("M", (), {"FashionMNIST": Offline}))
    with pytest.raises(UserError) as caught:
        load(fashion_mnist.Dataset(), tmp_path / "new")
    line = str(caught.value)
    assert "FashionMNIST is not under" in line
    assert "Error downloading" in line
    assert f"into {tmp_path}/new/FashionMNIST/raw" in line
    assert "train-images-idx3-ubyte" in line
    assert "\n" not in line
    assert not (tmp_path / "new").exists()


def test_a_download_arrives_whole(tmp_path: Path, idx_dir: Path, monkeypatch) -> None:
    class Download:
        def __init__(self, root: Path, download: bool = False, train: bool = True) -> None:
            if download:
                shutil.copytree(idx_dir / "MNIST", Path(root) / "MNIST")

    real = idx.torchvision
    monkeypatch.setattr(
        idx,
        "torchvision",
        lambda part: (
            type("M", (), {"MNIST": Download})
            if not (tmp_path / "new/MNIST").exists()
            else real(part)
        ),
    )
    loaded = load(mnist.Dataset(), tmp_path / "new")
    assert len(loaded.test) == 40
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["MNIST"]


def test_real_mnist(mnist_dir: Path) -> None:
    loaded = load(mnist.Dataset(), mnist_dir)
    sizes = (len(loaded.training.train), len(loaded.training.validation), len(loaded.test))
    assert sizes == (54_000, 6_000, 10_000)
    assert abs(loaded.mean - 0.1307) < 1e-3
