"""What lies where in a folder or zip of images, and what is wrong with it, in one line."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from compbench.data import image_files, natural_order, stores
from compbench.errors import UserError
from tests.data.images import KINDS, folder, zipped

Made = Callable[[Path, dict[str, bytes]], Path]


@pytest.fixture(params=[*KINDS])
def make(request: pytest.FixtureRequest) -> Made:
    return KINDS[request.param]


def found(path: Path) -> image_files.Images:
    with closing(stores.opened(path)) as store:
        return image_files.found(path, store.listing())


def names(path: Path) -> dict[str, list[tuple[str, str]]]:
    """Split -> the class and name of each image."""
    images = found(path)
    return {
        split: [(images.class_names[one.label], one.file.name) for one in part]
        for split, part in images.splits.items()
    }


def empty(*listed: str) -> dict[str, bytes]:
    return {name: name.encode() for name in listed}


def test_people_count_to_ten() -> None:
    given = ["10", "9", "b2", "b10", "a", "1", "01", "B1"]
    assert sorted(given, key=natural_order.key) == ["01", "1", "9", "10", "B1", "a", "b2", "b10"]


def test_by_split_and_class(tmp_path: Path, make: Made) -> None:
    files = empty(
        "train/10/b.png", "train/9/10.JPG", "train/9/9.jpeg", "test/9/x.bmp", "val/10/y.gif"
    )
    assert names(make(tmp_path, files)) == {
        "train": [("9", "train/9/9.jpeg"), ("9", "train/9/10.JPG"), ("10", "train/10/b.png")],
        "validation": [("10", "val/10/y.gif")],
        "test": [("9", "test/9/x.bmp")],
    }


@pytest.mark.parametrize("top", ["", "set/", "data/images/"])
def test_by_class_alone_past_folders_that_stand_alone(tmp_path: Path, make: Made, top: str) -> None:
    path = make(tmp_path, empty(f"{top}cats/1.png", f"{top}cats/more/2.png", f"{top}dogs/1.png"))
    assert names(path) == {
        "train": [
            ("cats", f"{top}cats/1.png"),
            ("cats", f"{top}cats/more/2.png"),
            ("dogs", f"{top}dogs/1.png"),
        ]
    }


def test_a_class_may_be_called_train(tmp_path: Path, make: Made) -> None:
    path = make(tmp_path, empty("train/1.png", "car/1.png", "plane/1.png"))
    assert [name for name, _ in names(path)["train"]] == ["car", "plane", "train"]


def test_what_is_no_image_is_counted(tmp_path: Path, make: Made) -> None:
    others = ("readme", "cats/list.TXT", "cats/more.txt", "cats/.DS_Store", "dogs/Thumbs.db")
    images = found(make(tmp_path, empty("cats/1.png", "dogs/1.png", *others)))
    assert images.ignored == {".db": 1, ".txt": 2, "hidden": 1, "without a suffix": 1}
    assert images.count == 2


def test_what_a_mac_adds_to_a_zip_is_hidden(tmp_path: Path) -> None:
    mac = empty("cats/1.png", "dogs/1.png", "__MACOSX/cats/._1.png")
    assert found(zipped(tmp_path / "a.zip", mac)).ignored == {"hidden": 1}


WRONG = {
    "nothing": ((), "has no images"),
    "no image": (("train/a/1.txt", "test/b/.x"), r"has no images \(.jpg.*, but 1 .txt, 1 hidden"),
    "empty class": (("a/1.png", "b/1.png", "c/"), r"the class \S+/c has no image"),
    "no image in a class": (("a/1.png", "b/1.png", "c/x.txt"), r"the class \S+/c has no image"),
    "empty class of test": (("train/a/1.png", "train/b/1.png", "test/a/"), "test/a has no image"),
    "one class": (("train/a/1.png", "test/a/1.png"), "has one class, 'a'"),
    "one class alone": (("a/1.png",), "has one class, 'a'"),
    "class in test only": (
        ("train/cat/1.png", "train/dog/1.png", "test/cats/1.png"),
        "the class 'cats' is in test, but not in train; did you mean 'cat'",
    ),
    "no train": (("test/a/1.png", "test/b/1.png"), "has no folder train beside it"),
    "two of one split": (
        ("train/a/1.png", "train/b/1.png", "val/a/1.png", "valid/a/1.png"),
        "valid is a second folder of validation",
    ),
    "no split": (
        ("train/a/1.png", "train/b/1.png", "extra/a/1.png"),
        "extra is beside train, but is no split",
    ),
    "no class": (("train/1.png", "test/1.png"), "1.png is in no folder of a class"),
    "at the top": (("1.png", "a/1.png", "b/1.png"), "1.png is in no folder of a class"),
    "split in class": (
        ("a/train/1.png", "a/test/1.png", "b/train/1.png"),
        r"has the folders of splits \(test, train\) in those of classes",
    ),
    "case of classes": (("a/1.png", "A/1.png"), "'a' and 'A' differ only in case"),
    "case of images": (
        ("a/x.png", "a/X.png", "b/1.png"),
        "'a/x.png' and 'a/X.png' differ only in case",
    ),
    "control character": (("a\x07/1.png", "b/1.png"), "should have a name that can be read"),
}


@pytest.mark.parametrize(("files", "message"), WRONG.values(), ids=WRONG)
def test_what_lies_wrongly_is_one_line(
    tmp_path: Path, make: Made, files: tuple[str, ...], message: str
) -> None:
    tmp_path = tmp_path / "here"
    path = make(tmp_path, empty(*files) or {"x/": b""})
    with pytest.raises(UserError, match=message) as caught:
        found(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    path = folder(tmp_path / "set", empty("a/1.png", "b/1.png"))
    (tmp_path / "secret.png").write_bytes(b"")
    (path / "a/2.png").symlink_to("../b/1.png")
    (path / "c").symlink_to("b")
    assert [name for name, _ in names(path)["train"]] == ["a", "a", "b", "c"]
    (path / "b/2.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(
        UserError, match=r"[bc]/2.png is a link out of the folder, to \S+/secret.png"
    ):
        found(path)
    (path / "b/2.png").unlink()
    (path / "d").symlink_to(tmp_path)
    with pytest.raises(UserError, match="/d is a link out of the folder"):
        found(path)
    (path / "d").unlink()
    (path / "a/e").symlink_to("..")
    with pytest.raises(UserError, match="a/e is a link to a folder above it"):
        found(path)
    (path / "a/e").unlink()
    (path / "a/f.png").symlink_to("gone.png")
    with pytest.raises(UserError, match=r"a/f.png is a link to \S+/gone.png, which is not there"):
        found(path)


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    folder(tmp_path / "set", empty("a/1.png", "b/1.png"))
    (tmp_path / "link").symlink_to("set")
    assert found(tmp_path / "link").count == 2


def _entry(name: str, mode: int = 0, flags: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.flag_bits = flags
    return info


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (_entry("../a/1.png"), "leads out of the zip"),
        (_entry("a/../../1.png"), "leads out of the zip"),
        (_entry("/etc/1.png"), "leads out of the zip"),
        (_entry("C:/a/1.png"), "leads out of the zip"),
        (_entry("a\\1.png"), "has backslashes"),
        (_entry("a/1.png", stat.S_IFLNK | 0o777), "is a link"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.filename,
)
def test_a_zip_that_leads_elsewhere_is_refused(tmp_path: Path, info, message: str) -> None:
    path = zipped(tmp_path / "a.zip", empty("a/2.png", "b/1.png"))
    with zipfile.ZipFile(path, "a") as made:
        made.writestr(info, "/etc/passwd")
    with pytest.raises(UserError, match=f"the entry .* {message}"):
        found(path)


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", empty("a/1.png", "b/1.png"))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="is encrypted"):
        found(path)


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x1f\x8b tar"])
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a.tar.gz should be a folder or a zip, and whole"):
        found(path)
    os.remove(path)
    whole = zipped(path, empty("a/1.png", "b/1.png")).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="should be a folder or a zip, and whole"):
        found(path)


def test_a_name_twice_in_a_zip_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", empty("a/1.png", "b/1.png"))
    with zipfile.ZipFile(path, "a") as made, pytest.warns(UserWarning, match="Duplicate"):
        made.writestr("a/1.png", "other")
    with pytest.raises(UserError, match=r"'a/1.png' is there twice"):
        found(path)
