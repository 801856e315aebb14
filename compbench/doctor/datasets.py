"""What any dataset must keep to; each check raises JobFailed or UserError."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from compbench.contracts import DatasetSource, Split, kinds
from compbench.data import samples, splits
from compbench.errors import JobFailed


def is_there(source: DatasetSource, data_dir: Path) -> None:
    """Its content has a digest, the same each time."""
    first, again = (samples.fingerprint(source, data_dir) for _ in range(2))
    if first is None:
        raise JobFailed(f"it is not in {data_dir}")
    if first != again:
        raise JobFailed("its fingerprint is another one each time")


def loads_the_same(source: DatasetSource, data_dir: Path) -> None:
    """Loaded twice it has the same samples, as its task asks."""
    task = kinds.made_task(source.own_task)
    first, again = (samples.load(source, task, data_dir) for _ in range(2))
    for name in ("train", "validation", "test"):
        one, other = getattr(first, name), getattr(again, name)
        if one is not None and not _same(one, other):
            raise JobFailed(f"loaded twice its {name} samples differ")


def is_divided(source: DatasetSource, data_dir: Path) -> None:
    """It can be split into training, validation and test samples."""
    splits.load(source, data_dir)


CHECKS: dict[str, Callable[[DatasetSource, Path], None]] = {
    "is there": is_there,
    "loads the same twice": loads_the_same,
    "is divided into splits": is_divided,
}


def _same(one: Split, other: Split) -> bool:
    return (
        one.kinds == other.kinds
        and np.array_equal(one.targets, other.targets)
        and all(np.array_equal(a, other.first(8)[name]) for name, a in one.first(8).items())
    )
