"""Options of a variant that stand for several values -> a variant for each combination of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from compbench.errors import UserError, nearest, shown

Table = dict[str, Any]  # [variants.NAME] as it stands in a suite file

SWEEP, SELECT, VALIDATION = "sweep", "select", "validation"
BEST = "best_of"  # the technique that `select` stands for, on the points
MOST = 10_000  # points of a sweep
_SAID = ("technique", "parent", "parents")  # what one table says once
_Path = tuple[str | int, ...]  # where a value stands in a variant's table


@dataclass(frozen=True)
class Point:
    """Where a variant stands in a sweep: the sweep's name, and its value of each swept option."""

    sweep: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Expanded:
    """The tables of all variants, in file order, and of those that are points, which."""

    tables: dict[str, Table]
    points: dict[str, Point]


def expanded(tables: Mapping[str, Table]) -> Expanded:
    """Each table with options such as `{ sweep = [1, 2] }` as one table for each combination.

    A point is called by its sweep, its options and their values: `student-temperature4`. With
    `select` the sweep's own name is that of its best point. Raises UserError with the table and
    what is wrong there.
    """
    found = Expanded({}, {})
    sweeps: dict[str, list[str]] = {}
    for name, table in tables.items():
        where = f"[variants.{name}]"
        _refuse_sweeps_as_parents(where, table, sweeps)
        table = dict(table)
        selects = _selects(where, table)
        axes = {path: _values(where, path, x) for path, x in _swept(table)}
        if not axes:
            if selects:
                raise UserError(f"{where} has {SELECT}, but none of its options has a {SWEEP}")
            found.tables[name] = table
            continue
        _refuse_said(where, axes)
        count = prod(map(len, axes.values()))
        if count > MOST:
            raise UserError(f"{where} sweeps over {count:,} combinations: {MOST:,} are the most")
        labels = _labels(axes)
        for values in product(*axes.values()):
            words = (f"{label}{_word(x)}" for label, x in zip(labels, values, strict=True))
            own = "-".join([name, *words])
            if own in found.tables or own in tables:
                raise UserError(f"{where} two variants would be called '{own}': rename one")
            found.tables[own] = _with(table, dict(zip(axes, values, strict=True)))
            found.points[own] = Point(name, dict(zip(labels, values, strict=True)))
            sweeps.setdefault(name, []).append(own)
        if selects:
            found.tables[name] = {"technique": BEST, "parents": sweeps.pop(name)}
    return found


def _selects(where: str, table: Table) -> bool:
    """Whether one point is chosen; the word is taken out of the table."""
    said = table.pop(SELECT, None)
    if said not in (None, VALIDATION):
        raise UserError(
            f'{where} {SELECT} = {shown(said)} should be "{VALIDATION}": nothing else chooses'
        )
    return said is not None


def _swept(value: Any, path: _Path = ()) -> Iterator[tuple[_Path, Table]]:
    """The tables with a sweep in a variant's table, and where they stand."""
    if isinstance(value, Mapping):
        if path and SWEEP in value:
            yield path, dict(value)
            return
        for key, inner in value.items():
            yield from _swept(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _swept(inner, (*path, index))


def _values(where: str, path: _Path, table: Table) -> list[Any]:
    option = ".".join(map(str, path))
    others = [key for key in table if key != SWEEP]
    if others:
        raise UserError(f"{where} {option} has '{others[0]}' beside '{SWEEP}': keep one")
    values = table[SWEEP]
    if not isinstance(values, list) or not values:
        raise UserError(
            f"{where} {option}: {SWEEP} = {shown(values)} should be a list of values: [1, 2, 4]"
        )
    for index, value in enumerate(values):
        if value in values[:index]:
            raise UserError(f"{where} {option}: {SWEEP} has {shown(value)} twice")
    return values


def _refuse_said(where: str, axes: Mapping[_Path, Any]) -> None:
    for path in axes:
        if path[0] in _SAID:
            raise UserError(
                f"{where} {path[0]} can't be swept over, only options can: write a table for each"
            )


def _refuse_sweeps_as_parents(
    where: str, table: Table, sweeps: Mapping[str, Sequence[str]]
) -> None:
    given = table.get("parents", [table.get("parent")])
    for parent in given if isinstance(given, list) else []:
        if isinstance(parent, str) and parent in sweeps:
            points = sweeps[parent]
            raise UserError(
                f"{where} its parent '{parent}' is a sweep of {len(points)} variants: give it "
                f'{SELECT} = "{VALIDATION}", or name one{nearest(parent, points)}'
            )


def _labels(axes: Mapping[_Path, Any]) -> list[str]:
    """What each option is called in names: by its last word, or by all where two have that."""
    last = [next(str(part) for part in reversed(path) if isinstance(part, str)) for path in axes]
    return [
        word if last.count(word) == 1 else "_".join(map(str, path))
        for word, path in zip(last, axes, strict=True)
    ]


def _word(value: Any) -> str:
    """A value as a part of a name, of letters, digits and '_'."""
    if isinstance(value, Mapping):
        return "_".join(map(_word, value.values()))
    if isinstance(value, list):
        return "x".join(map(_word, value))
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return re.sub(r"[^A-Za-z0-9_]+", "_", text)


def _with(value: Any, values: Mapping[_Path, Any], path: _Path = ()) -> Any:
    """A copy in which these places have these values."""
    if path in values:
        return values[path]
    if isinstance(value, Mapping):
        return {key: _with(inner, values, (*path, key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with(inner, values, (*path, index)) for index, inner in enumerate(value)]
    return value
