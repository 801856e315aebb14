from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compbench.contracts.inputs import PIXELS
from compbench.data import digest, idx
from compbench.data import splits as data_splits
from compbench.data.splits import Data
from compbench.data.stratification import stratified
from compbench.datasets import digits, fashion_mnist, mnist
from compbench.errors import UserError
from compbench.results.dataset import same_test_samples
from compbench.tasks import classification
from tests.conftest import split, write_idx

TASK = classification.Task()


def test_digits_splits_are_stratified_disjoint_and_fixed(tmp_path: Path) -> None:
    first, again = (data_splits.load(digits.Dataset(), tmp_path) for _ in range(2))
    splits = [first.training.train, first.training.validation, first.test]
    assert sum(map(len, splits)) == 1797
    for one, two in zip(
        splits, [again.training.train, again.training.validation, again.test], strict=True
    ):
        assert np.array_equal(one.arrays[PIXELS], two.arrays[PIXELS])
        assert np.array_equal(one.targets, two.targets)
    for part in splits:
        shares = np.bincount(part.targets, minlength=10) / len(part)
        assert np.all(abs(shares - 0.1) < 0.02)
        assert part.kinds == {PIXELS: ("uint8", (1, 28, 28))}
    prepared = first.training.prepared(first.training.train.arrays)[PIXELS]
    assert prepared.dtype == np.float32
    assert abs(prepared.mean()) < 1e-3
    assert abs(prepared.std() - 1) < 1e-3


def test_digits_are_those_that_scikit_learn_loads(tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    images, labels = digits._bundled()
    wanted = [np.asarray(array) for array in load_digits(return_X_y=True)]
    assert np.array_equal(images.reshape(-1, 64), wanted[0])
    assert np.array_equal(labels, wanted[1])


@pytest.mark.parametrize("seed", range(40))
def test_a_stratified_split_is_scikit_learns(seed: int) -> None:
    from sklearn.model_selection import train_test_split

    random = np.random.default_rng(seed)
    classes, share = int(random.integers(2, 12)), float(random.choice([0.1, 0.2]))
    labels = np.repeat(np.arange(classes), random.integers(2, 60, classes))
    if seed % 2:
        labels = random.permutation(labels)
    try:
        indices = np.arange(len(labels))
        wanted = train_test_split(indices, test_size=share, stratify=labels, random_state=seed)
    except ValueError:  # fewer samples in a part than classes
        wanted = [np.arange(0)] * 2
    for part, indices in zip(stratified(labels, share, seed), wanted, strict=True):
        assert np.array_equal(part, indices)


def test_an_idx_folder_is_read_as_mnist(idx_dir: Path) -> None:
    loaded = data_splits.load(mnist.Dataset(), idx_dir)
    assert (len(loaded.training.train), len(loaded.training.validation)) == (160, 40)
    assert len(loaded.test) == 40


def fingerprint(folder: Path) -> str:
    return mnist.Dataset().fingerprint(folder) or ""


def digests(folder: Path) -> tuple[str, str]:
    """Of all splits, and of the test split alone."""
    found = digest.record("mnist", data_splits.load(mnist.Dataset(), folder))
    return found["digest"], found["test_digest"]


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-images-idx3-ubyte"])
def test_digest_changes_with_a_single_pixel(name: str, idx_dir: Path, tmp_path: Path) -> None:
    before = digests(idx_dir)
    digest.remember({"digest": before[0]}, mnist.Dataset(), TASK, fingerprint(idx_dir), tmp_path)
    assert digest.known(mnist.Dataset(), TASK, fingerprint(idx_dir), tmp_path) == before[0]
    path = idx_dir / "MNIST/raw" / name
    content = bytearray(path.read_bytes())
    content[100] ^= 255
    path.write_bytes(content)
    after = digests(idx_dir)
    assert after[0] != before[0]
    assert after[1] != before[1] or name.startswith("train")
    assert digest.known(mnist.Dataset(), TASK, fingerprint(idx_dir), tmp_path) is None


def test_digest_changes_with_what_a_reader_makes_of_its_files(idx_dir: Path, monkeypatch) -> None:
    before, read = digests(idx_dir), idx._arrays

    def inverted(dataset: object) -> tuple[np.ndarray, np.ndarray]:
        images, labels = read(dataset)
        return 255 - images, labels

    monkeypatch.setattr(idx, "_arrays", inverted)
    assert not set(before) & set(digests(idx_dir))


def test_other_labels_and_other_validation_images_leave_the_test_split_its_digest(
    tiny: Data,
) -> None:
    found = digest.record("tiny", tiny)
    other = replace(tiny, training=replace(tiny.training, validation=split(48, 9)))
    changed = digest.record("tiny", other)
    assert changed["test_digest"] == found["test_digest"]
    assert changed["digest"] != found["digest"]
    labels = replace(tiny, test=tiny.test.with_targets(tiny.test.targets[::-1]))
    assert digest.record("tiny", labels)["test_digest"] != found["test_digest"]


def test_a_comment_in_the_code_that_splits_is_no_matter(
    idx_dir: Path, tmp_path: Path, monkeypatch
) -> None:
    digest.remember({"digest": "d"}, mnist.Dataset(), TASK, fingerprint(idx_dir), tmp_path)
    read, root = Path.read_bytes, Path(data_splits.__file__).parent
    for edit, known in ((b"\n# a comment\n", "d"), (b"\nX = 1\n", None)):
        monkeypatch.setattr(
            Path, "read_bytes", lambda f, e=edit: read(f) + e * f.is_relative_to(root)
        )
        assert digest.known(mnist.Dataset(), TASK, fingerprint(idx_dir), tmp_path) == known


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ({"digest": "1"}, {"digest": "1"}, True),
        ({"digest": "1"}, {"digest": "2"}, False),
        ({"digest": "1", "test_digest": "t"}, {"digest": "2", "test_digest": "t"}, True),
        ({"digest": "1", "test_digest": "t"}, {"digest": "2", "test_digest": "u"}, False),
        ({"digest": "1"}, {"digest": "2", "test_digest": "u"}, None),
        ({"digest": "1", "test_digest": "t", "mean": 0.5}, {"digest": "2", "mean": 0.5}, None),
        ({"digest": "1", "test_digest": "t", "mean": 0.5}, {"digest": "2", "mean": 0.4}, False),
        ({"digest": "1", "test_digest": "t"}, {"digest": "1", "name": "y"}, False),
    ],
)
def test_whether_test_images_are_the_same_or_unknown(a: dict, b: dict, same: bool | None) -> None:
    one, other = {"name": "x", **a}, {"name": "x", **b}
    assert same_test_samples(one, other) is same
    assert same_test_samples(other, one) is same


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
        mnist.Dataset().fingerprint(idx_dir)
    assert str(path) in str(caught.value)


def test_labels_out_of_range(idx_dir: Path) -> None:
    write_idx(idx_dir / "MNIST/raw", "train-labels-idx1-ubyte", np.full(200, 11))
    with pytest.raises(UserError, match="labels are not all in 0 to 9"):
        data_splits.load(mnist.Dataset(), idx_dir)


def test_more_images_than_labels(idx_dir: Path) -> None:
    write_idx(idx_dir / "MNIST/raw", "t10k-labels-idx1-ubyte", np.zeros(39))
    with pytest.raises(UserError, match="40 samples of pixels but 39 targets"):
        data_splits.load(mnist.Dataset(), idx_dir)


def test_absent_and_offline_says_where_to_put_what(tmp_path: Path, monkeypatch) -> None:
    class Offline:
        def __init__(self, *_: object, **__: object) -> None:
            raise RuntimeError("Error downloading train-images-idx3-ubyte.gz:\nmore")

    monkeypatch.setattr(idx, "torchvision", lambda _: type("M", (), {"FashionMNIST": Offline}))
    with pytest.raises(UserError) as caught:
        data_splits.load(fashion_mnist.Dataset(), tmp_path / "new")
    line = str(caught.value)
    assert "FashionMNIST is not under" in line
    assert "Error downloading" in line
    assert "/new and could" in line and "into its FashionMNIST/raw" in line
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
    loaded = data_splits.load(mnist.Dataset(), tmp_path / "new")
    assert len(loaded.test) == 40
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["MNIST"]


def test_real_mnist(mnist_dir: Path) -> None:
    loaded = data_splits.load(mnist.Dataset(), mnist_dir)
    sizes = (len(loaded.training.train), len(loaded.training.validation), len(loaded.test))
    assert sizes == (54_000, 6_000, 10_000)
    scaling = loaded.signature.inputs[PIXELS].normalisation
    assert scaling and abs(scaling.mean[0] - 0.1307) < 1e-3
