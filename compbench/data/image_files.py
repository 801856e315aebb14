"""A store's images by split and class, or by class alone; what is wrong with it, in one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from compbench.data import natural_order
from compbench.data.stores import File, Listing
from compbench.errors import UserError, nearest, shown

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
SPLITS = {  # a folder's name in small letters -> the split
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing"), "test"),
    **dict.fromkeys(("validation", "val", "valid", "dev"), "validation"),
}


@dataclass(frozen=True, slots=True)
class Labelled:
    """An image and the index of its class."""

    file: File
    label: int


@dataclass(frozen=True)
class Images:
    """The images of each split, by class and then by name; classes in natural order."""

    splits: dict[str, tuple[Labelled, ...]]
    class_names: tuple[str, ...]
    ignored: dict[str, int]  # how many files that are no images, by what they are

    @property
    def count(self) -> int:
        """Of all splits."""
        return sum(map(len, self.splits.values()))

    @property
    def files(self) -> Iterator[File]:
        """Of all splits, one after the other."""
        return (one.file for part in self.splits.values() for one in part)


def found(path: Path, listing: Listing) -> Images:
    """The images of a listing. Raises UserError with what is wrong with how they lie."""
    images = [file for file in listing.files if _suffix(file.name) in SUFFIXES]
    if not images:
        raise UserError(f"{path} has no images ({', '.join(SUFFIXES)}){_instead(listing)}")
    _refuse_alike(path, listing.folders)
    _refuse_alike(path, (file.name for file in images))
    tree = _Tree(path, tuple(listing.folders), tuple(images))
    by_split = tree.classes()
    names = sorted(
        {name for classes in by_split.values() for name in classes}, key=natural_order.key
    )
    _refuse_wrong_classes(path, by_split, names)
    splits = {
        split: tuple(
            Labelled(file, label)
            for label, name in enumerate(names)
            for file in sorted(classes.get(name, ()), key=lambda file: natural_order.key(file.name))
        )
        for split, classes in by_split.items()
    }
    others = (file.name for file in listing.files if _suffix(file.name) not in SUFFIXES)
    ignored = Counter(_suffix(name) or "without a suffix" for name in others)
    if listing.hidden:
        ignored["hidden"] = listing.hidden
    return Images(splits, tuple(names), dict(sorted(ignored.items())))


_Classes = dict[str, list[File]]  # name -> its images


@dataclass(frozen=True)
class _Tree:
    """The folders and images of a store."""

    path: Path
    folders: tuple[str, ...]
    images: tuple[File, ...]

    def classes(self) -> dict[str, _Classes]:
        """Split -> class -> images; without folders of splits all are to be split: "train"."""
        top = self._top()
        names = self._below(top)
        splits = [name for name in names if name.lower() in SPLITS]
        if not splits or ({*names} - {*splits} and any(map(self._has_images(top), splits))):
            return {"train": self._of(top)}
        strange = sorted({*names} - {*splits})
        if strange:
            raise UserError(
                f"{self._place(top, strange[0])} is beside {', '.join(splits)}, but is no split: "
                "folders are train, test, validation, or all of them classes"
            )
        found: dict[str, _Classes] = {}
        for name in splits:
            split = SPLITS[name.lower()]
            if split in found:
                raise UserError(f"{self._place(top, name)} is a second folder of {split}")
            found[split] = self._of(f"{top}{name}/")
        if "train" not in found:
            raise UserError(
                f"{self._place(top, splits[0])} has no folder train beside it, to learn from"
            )
        return {split: found[split] for split in ("train", "validation", "test") if split in found}

    def _top(self) -> str:
        """Past folders that stand alone, such as the one that an archive was made of."""
        top = ""
        while True:
            names = self._below(top)
            if len(names) != 1 or names[0].lower() in SPLITS or self._has_images(top)(names[0]):
                return top
            if not self._below(f"{top}{names[0]}/") or self._direct(top):
                return top
            top = f"{top}{names[0]}/"

    def _of(self, top: str) -> _Classes:
        """The classes in a folder: each folder in it is one, with all images below."""
        direct = self._direct(top)
        if direct:
            raise UserError(
                f"{self._place('', direct[0])} is in no folder of a class, such as "
                f"{top}cats/{PurePosixPath(direct[0]).name}"
            )
        classes: _Classes = {name: [] for name in self._below(top)}
        for file in self.images:
            if file.name.startswith(top):
                classes[file.name[len(top) :].partition("/")[0]].append(file)
        inner = {part for name in classes for part in self._below(f"{top}{name}/")}
        if (
            inner
            and all(part.lower() in SPLITS for part in inner)
            and not any(map(self._has_images(top), classes))
        ):
            raise UserError(
                f"{self._place(top, '')} has the folders of splits ({', '.join(sorted(inner))}) in "
                "those of classes: it should be the other way round, train/cats"
            )
        empty = [name for name, files in classes.items() if not files]
        if empty:
            raise UserError(f"the class {self._place(top, empty[0])} has no image")
        if not classes:
            raise UserError(f"{self._place(top, '')} has no folders of classes")
        return classes

    def _below(self, top: str) -> list[str]:
        inside = (name[len(top) :] for name in self.folders if name.startswith(top))
        return sorted({name for name in inside if "/" not in name}, key=natural_order.key)

    def _direct(self, top: str) -> list[str]:
        """Images that lie in a folder itself."""
        names = (file.name for file in self.images)
        return [n for n in names if n.startswith(top) and "/" not in n[len(top) :]]

    def _has_images(self, top: str) -> Callable[[str], bool]:
        return lambda name: bool(self._direct(f"{top}{name}/"))

    def _place(self, top: str, name: str) -> str:
        return f"{self.path}/{top}{name}".rstrip("/")


def _refuse_wrong_classes(path: Path, by_split: dict[str, _Classes], names: list[str]) -> None:
    if len(names) < 2:
        raise UserError(f"{path} has one class, '{names[0]}': there is nothing to tell it from")
    for split, classes in by_split.items():
        for name in classes:
            if name not in by_split["train"]:
                hint = nearest(name, by_split["train"])
                raise UserError(f"{path}: the class '{name}' is in {split}, but not in train{hint}")
    for name in names:
        if not name.isprintable() or name != name.strip():
            raise UserError(f"{path}: the class {shown(name)} should have a name that can be read")
    _refuse_alike(path, names)


def _refuse_alike(path: Path, names: Iterable[str]) -> None:
    """Raises UserError for names that are one on systems where the case of letters is no matter."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        if other is not name:
            what = "is there twice" if other == name else f"and '{other}' differ only in case"
            raise UserError(f"{path}: '{name}' {what}")


def _suffix(name: str) -> str:
    base = name.rpartition("/")[2]
    return base[base.rfind(".") :].lower() if "." in base else ""


def _instead(listing: Listing) -> str:
    """What a listing has that is no image, the most of it first."""
    kinds = Counter(_suffix(file.name) or "without a suffix" for file in listing.files)
    hidden = [f"{listing.hidden} hidden"] if listing.hidden else []
    told = [f"{count} {kind}" for kind, count in kinds.most_common(3)] + hidden
    return f", but {', '.join(told)}" if told else ""
