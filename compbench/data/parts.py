"""Datasets whose one table, file or folder is divided by shares, before anything is learnt from it.

What is learnt of the training split alone (a vocabulary, the mean of a column) needs the splits
when a dataset is read.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from compbench.data import stratification
from compbench.data.file_source import FileSource
from compbench.errors import UserError, nearest, shown

SPLITS = ("train", "validation", "test")
Indices = NDArray[np.int64]


class DividedSource(FileSource, ABC):
    """Base of datasets that have no validation or test split of their own, or may have none."""

    test_share: float = Field(
        default=0.2, gt=0, lt=1, description="part of all samples to test on, if no test is named"
    )
    validation_share: float = Field(
        default=0.1,
        gt=0,
        lt=1,
        description="part of the other samples to choose epochs by, if no validation is named",
    )
    split_seed: int = Field(default=0, ge=0, lt=2**32, description="which samples these are")

    def divided(
        self, splits: dict[str, Indices], labels: NDArray[np.int64] | None
    ) -> dict[str, Indices]:
        """All three splits: what is named, and shares of the training samples for what is not.

        Where there are labels (of all samples), every class is in each part alike. Raises
        UserError where that can't be.
        """
        named, shares = dict(splits), {"test": self.test_share, "validation": self.validation_share}
        for split, share in shares.items():
            if split not in named:
                named["train"], named[split] = self._cut(named["train"], share, labels)
        return {split: named[split] for split in SPLITS}

    def _cut(
        self, rows: Indices, share: float, labels: NDArray[np.int64] | None
    ) -> tuple[Indices, Indices]:
        own = None if labels is None else labels[rows]
        rest, part = stratification.divided(len(rows), share, self.split_seed, own)
        return rows[np.sort(rest)], rows[np.sort(part)]


def class_names(labels: Sequence[str]) -> tuple[str, ...]:
    """The classes that labels name: in order of numbers where all are numbers, else of letters."""
    names = {*labels}
    try:
        return tuple(sorted(names, key=lambda name: (float(name), name)))
    except ValueError:
        return tuple(sorted(names))


def refuse_wrong_classes(where: str, labels: Mapping[str, Sequence[str]]) -> None:
    """Raises UserError where the training split has one class, or another split one of its own."""
    known = {*labels["train"]}
    for split, own in labels.items():
        for name in sorted({*own} - known):
            raise UserError(
                f"{where}: the class {shown(name)} is in {split}, but not in train"
                f"{nearest(name, known)}"
            )
    if len(known) < 2:
        raise UserError(f"{where} has one class, {shown(*known)}: there is nothing to tell it from")
