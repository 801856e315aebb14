"""Rows of a table: CSV or Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from compbench.contracts import Samples, Split
from compbench.contracts.inputs import FEATURES
from compbench.data import lines, progress, tables
from compbench.data.image_files import SPLITS as SPLIT_WORDS
from compbench.data.parts import (
    SPLITS,
    DividedSource,
    Indices,
    class_names,
    refuse_wrong_classes,
)
from compbench.errors import UserError, shown

if TYPE_CHECKING:
    from pandas import DataFrame

_TASKS = {"class": "classification", "number": "regression", "labels": "multi_label"}
_MOST_CLASSES = 1000


class Dataset(DividedSource):
    """A CSV or Parquet file: a sample a row, one column or several of which are to be told.

    Input "features" float32 (N, F), in the order of the columns. Categories become a column each (1
    where it is, else 0), in the order of their names, or one column of numbers from 1. Those that
    the training split does not have are 0 in all of them, and are counted in a note.
    """

    path: str = Field(description="a CSV or Parquet file")
    target: str | tuple[str, ...] = Field(
        description="the column that is to be told, or several of them"
    )
    predict: Literal["class", "number", "labels"] = Field(
        default="class",
        description="what the target is: a class, numbers (the task is regression), or several "
        "columns of 0 and 1 (multi_label)",
    )
    features: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="columns to tell it from; all others by default"
    )
    categories: tuple[str, ...] = Field(
        default=(),
        description="columns of categories; those of texts and of truth values are without it",
    )
    encoding: Literal["one_hot", "number"] = Field(
        default="one_hot", description="whether a category is a column, or a number in one column"
    )
    split: str | None = Field(
        default=None, description="column that says train, validation or test; else by shares"
    )
    missing: Literal["refuse", "drop", "mean"] = Field(
        default="refuse",
        description="empty fields: refused, their rows left out, or filled with the mean of the "
        "training split (a missing category is an unknown one)",
    )
    separator: str | None = Field(
        default=None,
        min_length=1,
        max_length=1,
        description="between the fields of a CSV; a comma, in a .tsv a tab, where nothing is said",
    )
    normalise: bool = Field(
        default=True,
        description="whether batches are scaled to a mean of 0 and a deviation of 1 of each "
        "feature over the training split",
    )
    scale_target: bool = Field(
        default=False,
        description="whether numbers to be told are scaled in this way: errors are then in "
        "standard deviations",
    )

    @field_validator("target")
    @classmethod
    def _is_named(cls, target: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if not target or (len({*target}) < len(target) and not isinstance(target, str)):
            raise ValueError("should be a column, or several different ones")
        return target

    @model_validator(mode="after")
    def _goes_together(self) -> Dataset:
        if self.predict == "class" and len(self._targets) > 1:
            raise ValueError('several targets are predict = "number" or "labels"')
        if self.predict == "labels" and len(self._targets) < 2:
            raise ValueError('predict = "labels" needs several targets')
        if self.scale_target and self.predict != "number":
            raise ValueError('scale_target is for predict = "number"')
        for name in (*self._targets, *([self.split] if self.split else [])):
            if name in (self.features or ()):
                raise ValueError(f"'{name}' is among the features: it would tell the answer")
        return self

    @property
    def own_task(self) -> str:
        """By `predict`."""
        return _TASKS[self.predict]

    def fingerprint(self, data_dir: Path) -> str:
        """A digest of the file."""
        return lines.digest(self.located(self.path, data_dir))

    def load(self, data_dir: Path) -> Samples:
        """Read, check every field that is used, divide, and turn categories into numbers."""
        path = self.located(self.path, data_dir)
        table = tables.read(path, self.separator)
        names = self._features(path, table)
        columns = self._columns(path, table, names)
        kept = self._kept(path, table.loc[:, [*names, *self._targets]])
        targets, classes = self._answers(path, table, kept)
        rows = self._rows(path, table, kept, targets, classes)
        features = self._encoded(path, columns, rows)
        wanted = self._wanted(targets, classes, rows)
        splits = {s: Split({FEATURES: features[s]}, wanted[s]) for s in SPLITS}
        return Samples(
            splits["train"],
            splits["test"],
            splits["validation"],
            outputs=len(classes) or len(self._targets),
            class_names=classes or (self._targets if self.predict == "labels" else ()),
            normalise={FEATURES: "channel" if self.normalise else "none"},
        )

    @property
    def _targets(self) -> tuple[str, ...]:
        return (self.target,) if isinstance(self.target, str) else self.target

    def _features(self, path: Path, table: DataFrame) -> list[str]:
        asked = {
            "target": self._targets,
            "split": [self.split] if self.split else [],
            "features": self.features or [],
            "categories": self.categories,
        }
        for option, names in asked.items():
            tables.refuse_absent(path, table, option, names)
        taken = {*self._targets, self.split}
        found = list(self.features or [name for name in table.columns if name not in taken])
        if not found:
            raise UserError(f"{path} has no column beside the target")
        for name in self.categories:
            if name not in found:
                raise UserError(f"categories: {shown(name)} is not among the features")
        return found

    def _columns(
        self, path: Path, table: DataFrame, names: list[str]
    ) -> dict[str, NDArray[np.float64] | NDArray[Any]]:
        """Each feature as numbers, NaN where one is missing, or as texts, None there."""
        found: dict[str, Any] = {}
        for name in names:
            column = tables.column(table, name)
            if name in self.categories:
                found[name] = tables.texts(column)
            elif tables.is_number(column):
                found[name] = tables.numbers(path, column)
            else:
                tables.refuse_no_category(path, column)
                found[name] = tables.texts(column)
        return found

    def _answers(
        self, path: Path, table: DataFrame, kept: Indices
    ) -> tuple[NDArray[Any], tuple[str, ...]]:
        """The targets (N,) or (N, D), NaN or None where one is missing, and the classes."""
        if self.predict == "class":
            column = tables.column(table, self._targets[0])
            found = tables.texts(column)
            names = class_names(list(found[kept]))
            if tables.is_number(column) and not all(_is_whole(name) for name in names):
                raise UserError(
                    f"{path}: the target {shown(column.name)} has numbers such as {names[0]}, no "
                    'classes: say predict = "number"'
                )
            if len(names) > _MOST_CLASSES:
                raise UserError(
                    f"{path}: the target {shown(column.name)} has {len(names):,} classes"
                )
            return found, names
        found = np.stack(
            [tables.numbers(path, tables.column(table, name)) for name in self._targets], 1
        )
        if self.predict == "labels":
            wrong = ~(np.isin(found, (0, 1)) | np.isnan(found))
            if wrong.any():
                row, place = np.argwhere(wrong)[0]
                raise UserError(
                    f"{path}, row {row + 1}: {found[row, place]:g} in "
                    f"{shown(self._targets[place])} should be 0 or 1"
                )
        return found, ()

    def _kept(self, path: Path, used: DataFrame) -> Indices:
        """The rows that are used: all that have an answer, or what is asked for of missing ones."""
        if self.missing == "refuse":
            tables.refuse_missing(path, used)
        lacks = used if self.missing == "drop" else used.loc[:, list(self._targets)]
        kept = np.flatnonzero(~np.asarray(lacks.isna().any(axis=1)))
        left_out = len(used) - len(kept)
        if self.missing == "mean" and left_out:
            tables.refuse_missing(path, lacks)
        if left_out:
            progress.note(f"{path.name}: {left_out:,} of {len(used):,} rows lack a field: left out")
        if not len(kept):
            raise UserError(f"{path} has no row without an empty field")
        return kept

    def _rows(
        self,
        path: Path,
        table: DataFrame,
        kept: Indices,
        targets: NDArray[Any],
        classes: tuple[str, ...],
    ) -> dict[str, Indices]:
        """The rows of each split."""
        named = {"train": kept} if self.split is None else self._named(path, table, kept)
        labels = None
        if classes:
            of_split = {s: list(targets[own]) for s, own in named.items()}
            refuse_wrong_classes(f"{path}: '{self._targets[0]}'", of_split)
            order = {name: index for index, name in enumerate(classes)}
            labels = np.array([order.get(name, -1) for name in targets], np.int64)
        return self.divided(named, labels)

    def _named(self, path: Path, table: DataFrame, kept: Indices) -> dict[str, Indices]:
        assert self.split is not None
        said = [str(value).strip().lower() for value in table[self.split]]
        for row in kept:
            if said[row] not in SPLIT_WORDS:
                raise UserError(
                    f"{path}, row {row + 1}: {shown(table[self.split][row])} in "
                    f"{shown(self.split)} should be one of {', '.join(SPLITS)}"
                )
        found = {
            split: np.array([row for row in kept if SPLIT_WORDS[said[row]] == split], np.int64)
            for split in SPLITS
        }
        if not len(found["train"]):
            raise UserError(f"{path}: no row says train in {shown(self.split)}")
        return {split: rows for split, rows in found.items() if len(rows)}

    def _encoded(
        self, path: Path, columns: dict[str, NDArray[Any]], rows: dict[str, Indices]
    ) -> dict[str, NDArray[np.float32]]:
        """Features (N, F) of each split; what is learnt of them is of the training split."""
        found: dict[str, list[NDArray[np.float32]]] = {split: [] for split in rows}
        for name, values in columns.items():
            seen = values[rows["train"]]
            if values.dtype != object:
                filled = np.where(np.isnan(values), tables.mean(path, name, seen), values)
                for split, own in rows.items():
                    found[split].append(filled[own].astype(np.float32)[:, None])
                continue
            known = class_names([value for value in seen if value is not None])
            for split, own in rows.items():
                part, unknown = tables.columns(values[own], known, self.encoding == "one_hot")
                found[split].append(part)
                if unknown.any():
                    progress.note(
                        f"{path.name}: {unknown.sum():,} of {len(own):,} rows for {split} have a "
                        f"category in '{name}' that the training split has not"
                    )
        return {split: np.concatenate(parts, 1) for split, parts in found.items()}

    def _wanted(
        self, targets: NDArray[Any], classes: tuple[str, ...], rows: dict[str, Indices]
    ) -> dict[str, NDArray[Any]]:
        if classes:
            order = {name: index for index, name in enumerate(classes)}
            return {s: np.array([order[name] for name in targets[own]]) for s, own in rows.items()}
        if self.predict == "labels":
            return {s: targets[own].astype(np.int64) for s, own in rows.items()}
        if self.scale_target:
            seen = targets[rows["train"]]
            targets = (targets - seen.mean(0)) / np.where(seen.std(0) > 0, seen.std(0), 1)
        return {s: targets[own].astype(np.float32) for s, own in rows.items()}


def _is_whole(name: str) -> bool:
    try:
        return float(name).is_integer()
    except ValueError:
        return False
