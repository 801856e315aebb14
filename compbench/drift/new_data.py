"""What a user gives as new data -> samples with the inputs that a run's models take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compbench.contracts import Input, Split
from compbench.data import array_file, image_list
from compbench.errors import UserError, one_line
from compbench.runtime.temporary import Temporary
from compbench.statistics.drift import LEAST


@dataclass(frozen=True)
class NewData:
    """Samples without targets; `names` are those of their files, where each has one.

    `unused` are arrays that are no input.
    """

    split: Split
    names: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


@contextmanager
def opened(path: Path, inputs: Mapping[str, Input]) -> Iterator[NewData]:
    """What lies at a path: `.npz` or `.npy` of raw inputs, or a folder or zip of images.

    It is read from the disk as it is needed. Raises UserError with what is wrong with it.
    """
    folder = Temporary()
    try:
        found = _read(path, inputs, Path(folder.path))
        _refuse_wrong(path, found.split, inputs)
        yield found
    finally:
        folder.close()


def _read(path: Path, inputs: Mapping[str, Input], folder: Path) -> NewData:
    suffix = path.suffix.lower()
    if not path.exists():
        raise UserError(f"--data: {path} is not there")
    if path.is_file() and suffix in (array_file.NPY, array_file.NPZ):
        arrays = array_file.mapped(path, inputs, folder)
        _refuse_unlike(path, arrays, inputs)
        unused = (name for name in array_file.names_in(path) if name not in inputs)
        return NewData(_split(arrays), unused=tuple(map(one_line, unused)))
    if path.is_dir() or suffix == ".zip":
        name, one = _only_image(path, inputs)
        channels, height, width = one.shape
        images = image_list.decoded(path, (channels, height, width), folder)
        return NewData(_split({name: images.pixels}), tuple(map(one_line, images.names)))
    raise UserError(
        f"--data: {path} is neither {array_file.NPZ} nor {array_file.NPY} nor a folder or zip of "
        f"images; the inputs are {_listed(inputs)}"
    )


def _split(arrays: dict[str, NDArray[Any]]) -> Split:
    return Split(arrays, np.zeros(len(next(iter(arrays.values()))), np.int8))


def _only_image(path: Path, inputs: Mapping[str, Input]) -> tuple[str, Input]:
    (name, one), *others = inputs.items()
    if others or not one.is_image:
        raise UserError(
            f"--data: {path} may be images, but the inputs are {_listed(inputs)}: save them as "
            f"arrays, np.savez('new.npz', {name}=...)"
        )
    return name, one


def _refuse_unlike(
    path: Path, arrays: Mapping[str, NDArray[Any]], inputs: Mapping[str, Input]
) -> None:
    """Raises UserError for arrays of another type or shape than the dataset's inputs."""
    for name, one in inputs.items():
        array, wanted = arrays[name], _wanted(one)
        if array.ndim != 1 + len(one.shape) or any(
            length != array.shape[1 + axis]
            for axis, length in enumerate(one.shape)
            if axis not in one.free_axes
        ):
            hint = _turned(array, one)
            raise UserError(f"{path}: {name} of shape {array.shape} should be {wanted}{hint}")
        if array.dtype.name != one.dtype:
            raise UserError(f"{path}: {name} of {array.dtype} should be {one.dtype}, {wanted}")
    counts = {name: len(array) for name, array in arrays.items()}
    if len({*counts.values()}) > 1:
        told = ", ".join(f"{count:,} of {name}" for name, count in counts.items())
        raise UserError(f"{path} has {told}: each sample needs all of them")


def _turned(array: NDArray[Any], one: Input) -> str:
    """How to make them of what is nearly right: pictures that lie otherwise."""
    if len(one.shape) != 3:
        return ""
    if array.shape[1:] == one.shape[1:] and one.shape[0] == 1:
        return ": images[:, None]"
    if array.shape[1:] == (*one.shape[1:], one.shape[0]):
        return ": images.transpose(0, 3, 1, 2)"
    return ""


def _wanted(one: Input) -> str:
    """(N, 1, 28, 28): a letter for an axis of any length."""
    axes = ("L" if axis in one.free_axes else str(length) for axis, length in enumerate(one.shape))
    return f"({', '.join(('N', *axes))})"


def _listed(inputs: Mapping[str, Input]) -> str:
    return ", ".join(f"{name} {one.dtype} {_wanted(one)}" for name, one in inputs.items())


def _refuse_wrong(path: Path, split: Split, inputs: Mapping[str, Input]) -> None:
    """Raises UserError where there are too few samples, or what is no number or token."""
    if len(split) < LEAST:
        raise UserError(
            f"{path} has {len(split)} samples, of which nothing can be said: give {LEAST} or more"
        )
    start = 0
    for chunk in split.chunks():
        for name, array in chunk.items():
            problem = _wrong_values(array, inputs[name])
            if problem:
                row, what = problem
                raise UserError(f"{path}: sample {start + row} of {name} {what}")
        start += len(next(iter(chunk.values())))


def _wrong_values(array: NDArray[Any], one: Input) -> tuple[int, str] | None:
    """Which sample is the first that no model can take, and why."""
    flat = array.reshape(len(array), -1)
    if array.dtype.kind == "f":
        odd, what = ~np.isfinite(flat).all(1), "is not a finite number"
    elif one.values is not None:
        odd = ((flat < 0) | (flat >= one.values)).any(1)
        what = f"is not all in 0 to {one.values - 1}"
    else:
        return None
    return (int(odd.argmax()), what) if odd.any() else None
