"""Images of a folder or zip -> arrays in the cache, decoded once by several processes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from compbench.data import cache, content, image_files, pixels, progress, stores, workers
from compbench.data.image_files import Images
from compbench.data.stores import File, Store
from compbench.errors import UserError, one_line
from compbench.registry import registry

_HEAD = 1 << 16  # bytes in which an image says its size, most times
_NAMED = 3  # images that a message names
_CODE = (pixels.__name__, image_files.__name__, __name__)  # what decides samples and their order


@dataclass(frozen=True)
class Wanted:
    """How images are to be decoded: None is what all of them have."""

    size: tuple[int, int] | None = None  # height and width
    channels: Literal["auto", 1, 3] = "auto"
    corrupt: Literal["refuse", "skip"] = "refuse"


class Decoded(NamedTuple):
    """Each split's pixels uint8 (N, C, H, W), memory-mapped, and labels int64 (N,)."""

    splits: dict[str, tuple[np.ndarray, np.ndarray]]
    class_names: tuple[str, ...]


def fingerprint(path: Path, data_dir: Path) -> str:
    """A digest of names and content, the same for a folder and a zip of it.

    Raises UserError where images lie wrongly.
    """
    return content.fingerprint(path, data_dir, _CODE, partial(_content, path))


def decoded(path: Path, data_dir: Path, wanted: Wanted) -> Decoded:
    """All images, from the cache where they are there.

    Raises UserError for images that lie wrongly, that can't be read, or that want a size.
    """
    versions = registry.versions(("pillow",))
    key = cache.key_of(fingerprint(path, data_dir), wanted.__dict__, cache.code(_CODE), versions)
    entry = cache.entry(data_dir, "images", key, partial(_make, path, wanted))
    if entry.notes["skipped"]:
        progress.note(_skipped(path, entry.notes["skipped"]))
    splits = {
        split: (entry.arrays[f"{split}_pixels"], np.array(entry.arrays[f"{split}_labels"]))
        for split in entry.notes["splits"]
    }
    return Decoded(splits, tuple(entry.notes["class_names"]))


def _images(path: Path) -> Images:
    """Raises UserError where they lie wrongly."""
    with closing(stores.opened(path)) as store:
        return image_files.found(path, store.listing())


def _content(path: Path) -> str:
    images = _images(path)
    sums = [file.stamp for file in images.files] if path.is_file() else _sums(path, images)
    digest = hashlib.sha256()
    labelled = ((split, one) for split, part in images.splits.items() for one in part)
    for (split, one), found in zip(labelled, sums, strict=True):
        place = f"{split}/{images.class_names[one.label]}/{one.file.name}"
        digest.update(f"{place}\0{one.file.size}\0{found}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _sums(path: Path, images: Images) -> list[int]:
    parts = workers.spread(_part_sums, path, [*images.files], f"looking through {path.name}")
    try:
        return [found for part in parts for found in part]
    except OSError as error:
        raise UserError(f"{error.filename or path} can't be read: {error.strerror}") from error


def _part_sums(store: Store, start: int, files: Sequence[File]) -> list[int]:
    return [stores.content_sum(store, file) for file in files]


def _make(path: Path, wanted: Wanted, writer: cache.Writer) -> None:
    images = _images(path)
    files = [*images.files]
    problems: dict[int, str] = {}
    if wanted.size is None or wanted.channels == "auto":
        channels, height, width = _shape(path, files, wanted, problems)
    else:
        channels, (height, width) = wanted.channels, wanted.size
    starts, start = {}, 0
    for split, part in images.splits.items():
        starts[split] = start
        writer.create(f"{split}_pixels", "uint8", (len(part), channels, height, width))
        start += len(part)
    places = [(starts[split], writer.arrays[f"{split}_pixels"]) for split in starts]
    task = partial(_part_decoded, tuple(places), frozenset(problems))
    for part in workers.spread(task, path, files, f"decoding {path.name}"):
        problems |= dict(part)
    if problems and wanted.corrupt == "refuse":
        raise UserError(_unreadable(path, files, problems))
    _close_up(writer, path, images, starts, problems)
    if images.ignored:
        kinds = ", ".join(f"{count} {kind}" for kind, count in images.ignored.items())
        progress.note(f"{path.name}: ignored what is no image: {kinds}")
    writer.notes |= {
        "splits": list(images.splits),
        "class_names": list(images.class_names),
        "ignored": images.ignored,
        "skipped": [[files[index].name, problems[index]] for index in sorted(problems)],
    }


def _shape(
    path: Path, files: Sequence[File], wanted: Wanted, problems: dict[int, str]
) -> tuple[int, int, int]:
    """Channels, height and width of all; where one has to be told, one look at each."""
    sizes: dict[tuple[int, int], int] = {}
    is_grey = True
    for part in workers.spread(_part_looks, path, files, f"looking at {path.name}"):
        for index, seen in part:
            if isinstance(seen, str):
                problems[index] = seen
                continue
            is_grey &= seen.is_grey
            sizes.setdefault((seen.height, seen.width), index)
    if not sizes or (problems and wanted.corrupt == "refuse"):
        raise UserError(_unreadable(path, files, problems))
    channels = wanted.channels if wanted.channels != "auto" else 1 if is_grey else 3
    if wanted.size is not None:
        return channels, *wanted.size
    if len(sizes) > 1:
        (one, first), (other, second) = list(sizes.items())[:2]
        raise UserError(
            f"{path} has images of several sizes, for instance {files[first].name} of "
            f"{one[1]}×{one[0]} and {files[second].name} of {other[1]}×{other[0]}: say which is "
            f"wanted, size = {min(*one, *other)}"
        )
    return channels, *next(iter(sizes))


def _part_looks(
    store: Store, start: int, files: Sequence[File]
) -> list[tuple[int, pixels.Look | str]]:
    found = []
    for index, file in enumerate(files, start):
        try:
            found.append((index, _look(store, file)))
        except (OSError, ValueError, pixels.Unfit) as error:
            found.append((index, one_line(str(error))))
    return found


def _look(store: Store, file: File) -> pixels.Look:
    """From its beginning, or from the whole of it where that does not say enough."""
    head = store.read(file, _HEAD)
    try:
        return pixels.look(head)
    except pixels.Unfit:
        if len(head) == file.size or file.size > pixels.MOST_BYTES:
            raise
    return pixels.look(store.read(file))


def _part_decoded(
    places: Sequence[tuple[int, cache.ArrayFile]],
    known: frozenset[int],
    store: Store,
    start: int,
    files: Sequence[File],
) -> list[tuple[int, str]]:
    """Write the pixels of some images into the arrays' files; zeros for what can't be read."""
    _, _, *shape = places[0][1].shape
    rows = np.zeros((len(files), *places[0][1].shape[1:]), np.uint8)
    problems = []
    for row, file in enumerate(files):
        if start + row in known:
            continue
        try:
            if file.size > pixels.MOST_BYTES:
                raise pixels.Unfit(f"it has {file.size:,} bytes")
            rows[row] = pixels.decoded(store.read(file), rows.shape[1], *shape)
        except (OSError, ValueError, pixels.Unfit) as error:
            problems.append((start + row, one_line(str(error))))
    for first, array in places:
        inside = slice(max(first - start, 0), max(first + array.shape[0] - start, 0))
        if len(rows[inside]):
            array.write(max(start - first, 0), rows[inside])
    return problems


def _close_up(
    writer: cache.Writer,
    path: Path,
    images: Images,
    starts: dict[str, int],
    problems: dict[int, str],
) -> None:
    """Write labels; leave out the rows of images that can't be read."""
    for split, part in images.splits.items():
        whole = np.arange(len(part))
        bad = [
            index - starts[split] for index in problems if 0 <= index - starts[split] < len(part)
        ]
        rows = np.setdiff1d(whole, bad)
        labels = np.array([one.label for one in part], np.int64)
        for label in np.setdiff1d(labels, labels[rows]):
            raise UserError(
                f"{path}: no image of the class '{images.class_names[label]}' in {split} can be "
                f"read, for instance {part[int(np.argmax(labels == label))].file.name}"
            )
        if bad:
            writer.keep(f"{split}_pixels", rows)
        writer.put(f"{split}_labels", labels[rows])


def _unreadable(path: Path, files: Sequence[File], problems: dict[int, str]) -> str:
    named = _named([(files[index].name, problems[index]) for index in sorted(problems)])
    return (
        f"{path}: {len(problems)} of {len(files):,} images can't be read: {named}; put them right, "
        'or leave them out: corrupt = "skip"'
    )


def _skipped(path: Path, skipped: Sequence[Sequence[str]]) -> str:
    images = "image" if len(skipped) == 1 else "images"
    return f"{path.name}: left out {len(skipped)} {images} that can't be read: {_named(skipped)}"


def _named(problems: Sequence[Sequence[str]]) -> str:
    named = ", ".join(f"{name} ({reason})" for name, reason in problems[:_NAMED])
    more = len(problems) - _NAMED
    return f"{named} and {more} more" if more > 0 else named
