"""Images of a folder or a zip, decoded once."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from compbench.data import cache, image_cache, workers
from compbench.data.image_cache import Wanted
from compbench.data.stores import File
from compbench.errors import UserError
from tests.data.images import KINDS, aged, by_split, folder, png, zipped

Made = Callable[[Path, dict[str, bytes]], Path]


@pytest.fixture(params=[*KINDS])
def make(request: pytest.FixtureRequest) -> Made:
    return KINDS[request.param]


@pytest.fixture
def decodings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was worked on since."""
    seen, spread = list[str](), workers.spread
    monkeypatch.setattr(workers, "spread", lambda *a: (seen.append(a[3]), spread(*a))[1])
    return seen


def test_pixels_labels_and_names(tmp_path: Path, make: Made) -> None:
    files = by_split(3)
    found = image_cache.decoded(make(tmp_path, files), tmp_path, Wanted())
    assert found.class_names == ("0", "1", "2")
    pixels, labels = found.splits["train"]
    assert isinstance(pixels, np.memmap) and pixels.shape == (18, 3, 8, 8)
    assert labels.tolist() == [0] * 6 + [1] * 6 + [2] * 6
    wanted = np.random.default_rng(125).integers(0, 256, (8, 8, 3), np.uint8)
    assert files["train/1/2.png"] == png(125)
    assert np.array_equal(pixels[8], np.moveaxis(wanted, 2, 0))
    assert found.splits["test"][0].shape == (9, 3, 8, 8)


def test_a_folder_and_a_zip_of_it_are_the_same(tmp_path: Path, decodings: list[str]) -> None:
    one, other = (make(tmp_path, by_split()) for make in KINDS.values())
    assert image_cache.fingerprint(one, tmp_path) == image_cache.fingerprint(other, tmp_path)
    a, b = (image_cache.decoded(path, tmp_path, Wanted()) for path in (one, other))
    assert np.array_equal(a.splits["train"][0], b.splits["train"][0])
    assert sum(what.startswith("decoding") for what in decodings) == 1


def test_later_starts_read_nothing(tmp_path: Path, make: Made, decodings: list[str]) -> None:
    path = aged(make(tmp_path, by_split()))
    first = image_cache.fingerprint(path, tmp_path)
    image_cache.decoded(path, tmp_path, Wanted())
    decodings.clear()
    assert image_cache.fingerprint(path, tmp_path) == first
    image_cache.decoded(path, tmp_path, Wanted())
    assert decodings == []
    image_cache.decoded(path, tmp_path, Wanted(size=(4, 4)))
    assert [what.split()[0] for what in decodings] == ["looking", "decoding"]


@pytest.mark.parametrize("is_aged", [True, False])
def test_another_image_is_another_fingerprint(tmp_path: Path, make: Made, is_aged: bool) -> None:
    files = by_split()
    path = make(tmp_path, files)
    seen = {image_cache.fingerprint(aged(path) if is_aged else path, tmp_path)}
    changes: list[dict[str, bytes]] = [
        files | {"train/0/0.png": files["train/0/0.png"][:-1] + b"x"},  # of equal size
        files | {"train/0/9.png": png(9)},
        files | {"validation/0/9.png": png(9)},
    ]
    for changed in changes:
        seen.add(image_cache.fingerprint(make(tmp_path, changed), tmp_path))
    assert len(seen) == 4


def test_several_processes_find_the_same(tmp_path: Path, make: Made, monkeypatch) -> None:
    path = make(tmp_path, by_split(3) | {"train/2/bad.png": b"bad"})
    wanted = Wanted(corrupt="skip")
    alone = image_cache.decoded(path, tmp_path / "a", wanted)
    monkeypatch.setattr(workers, "_PART", 5)
    monkeypatch.setattr(workers, "_FEW", 10)
    monkeypatch.setattr(workers, "_processors", lambda: 3)
    monkeypatch.setattr(workers, "_here", lambda *_: pytest.fail("no process was started"))
    together = image_cache.decoded(path, tmp_path / "b", wanted)
    for split, (pixels, labels) in alone.splits.items():
        assert np.array_equal(together.splits[split][0], pixels)
        assert np.array_equal(together.splits[split][1], labels)


def _ends(store: object, start: int, files: object) -> None:
    os._exit(3)


def test_a_process_that_crashes_is_one_line(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(workers, "_FEW", 1)
    monkeypatch.setattr(workers, "_processors", lambda: 2)
    files = [File(f"{index}.png", 1, 1) for index in range(300)]
    with pytest.raises(UserError, match=r"a process crashed that read \d+.png or one of the"):
        list(workers.spread(_ends, folder(tmp_path / "x", {"0.png": b""}), files, "trying"))


CORRUPT = {"train/0/7.png": b"no image", "train/1/2.png": png(3)[:-40], "test/1/0.png": b""}


def test_corrupt_images_are_refused_by_name(tmp_path: Path, make: Made) -> None:
    path = make(tmp_path, by_split() | CORRUPT)
    for wanted in (Wanted(), Wanted(size=(8, 8), channels=3)):
        with pytest.raises(UserError, match='corrupt = "skip"') as caught:
            image_cache.decoded(path, tmp_path, wanted)
        line = str(caught.value)
        assert path.name in line and "\n" not in line
        assert "train/0/7.png (it is no image" in line
        assert " of 19 images can't be read" in line
    assert all(name in line for name in CORRUPT)
    assert "3 of 19" in line
    assert not [*(tmp_path / cache.FOLDER).glob("images-*/manifest.json")]


def test_corrupt_images_are_left_out_by_option_and_counted_each_time(
    tmp_path: Path, make: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = image_cache.decoded(make(tmp_path / "w", by_split()), tmp_path, Wanted()).splits
    path = make(tmp_path / "c", by_split() | CORRUPT)
    for wanted in (Wanted(corrupt="skip"), Wanted((8, 8), 3, "skip")):
        for _ in range(2):
            capsys.readouterr()
            splits = image_cache.decoded(path, tmp_path, wanted).splits
            said = capsys.readouterr().err
            assert f"{path.name}: left out 3 images that can't be read: train/0/7.png (" in said
            rows = [index for index in range(12) if index != 8]
            assert np.array_equal(splits["train"][0], whole["train"][0][rows])
            assert splits["train"][1].tolist() == [0] * 6 + [1] * 5
            assert np.array_equal(splits["test"][0], whole["test"][0][[0, 1, 2, 4, 5]])


def test_a_class_of_corrupt_images_alone_is_refused(tmp_path: Path, make: Made) -> None:
    path = make(tmp_path, by_split() | {f"test/1/{index}.png": b"bad" for index in range(3)})
    with pytest.raises(UserError, match="no image of the class '1' in test can be read, for inst"):
        image_cache.decoded(path, tmp_path, Wanted(corrupt="skip"))


def test_what_is_ignored_is_said_once(
    tmp_path: Path, make: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make(tmp_path, by_split() | {"train/0/a.txt": b"", "train/0/.x": b"", "b.txt": b""})
    said = []
    for _ in range(2):
        image_cache.decoded(path, tmp_path, Wanted())
        said.append(capsys.readouterr().err)
    assert said == [f"{path.name}: ignored what is no image: 2 .txt, 1 hidden\n", ""]


def test_a_size_is_asked_for_where_images_differ(tmp_path: Path, make: Made) -> None:
    path = make(tmp_path, by_split() | {"train/0/0.png": png(1, (8, 12))})
    with pytest.raises(UserError, match=r"0/0.png of 12×8 and train/0/1.png of 8×8.*size = 8"):
        image_cache.decoded(path, tmp_path, Wanted())
    found = image_cache.decoded(path, tmp_path, Wanted(size=(6, 5)))
    assert found.splits["train"][0].shape == (12, 3, 6, 5)


@pytest.mark.parametrize(("wanted", "count"), [("auto", 1), (1, 1), (3, 3)])
def test_channels_of_grey_images(tmp_path: Path, make: Made, wanted, count: int) -> None:
    path = make(tmp_path, by_split(mode="L"))
    found = image_cache.decoded(path, tmp_path, Wanted(channels=wanted))
    assert found.splits["train"][0].shape[1] == count


def test_one_image_in_colour_makes_all_so(tmp_path: Path, make: Made) -> None:
    path = make(tmp_path, by_split(mode="L") | {"train/0/0.png": png()})
    found = image_cache.decoded(path, tmp_path, Wanted())
    assert found.splits["test"][0].shape[1] == 3


def test_a_damaged_zip_names_the_image(tmp_path: Path) -> None:
    path = zipped(tmp_path / "set.zip", by_split())
    with zipfile.ZipFile(path) as made:
        info = made.getinfo("train/1/3.png")
    content = bytearray(path.read_bytes())
    content[info.header_offset + 30 + len(info.filename) + 60] ^= 255
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"1 of 18 .* train/1/3.png \(Bad CRC-32"):
        image_cache.decoded(path, tmp_path, Wanted())


def test_a_damaged_cache_is_made_again(
    tmp_path: Path, make: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make(tmp_path, by_split())
    first = np.array(image_cache.decoded(path, tmp_path, Wanted()).splits["train"][0])
    (stored,) = (tmp_path / cache.FOLDER).glob("images-*/train_pixels.bin")
    content = bytearray(stored.read_bytes())
    content[5] ^= 1
    stored.write_bytes(content)
    again = image_cache.decoded(path, tmp_path, Wanted()).splits["train"][0]
    assert np.array_equal(again, first)
    assert "is damaged: it is made again" in capsys.readouterr().err
