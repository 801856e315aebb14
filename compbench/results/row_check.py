"""Whether a row that was read is one that its run can have: types, names, sizes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import isfinite

from compbench.errors import shown
from compbench.results.record import Run
from compbench.results.row import Row

_TYPES = {
    "variant": str,
    "seed": int,
    "key": str,
    "metric": str,
    "target": str,
    "batch_size": int,
    "launch": int,
    "status": str,
    "reason": str,
    "shift": str,
    "severity": int,
}
_STATES = ("ok", "skipped", "failed")


@dataclass(frozen=True)
class Names:
    """Of the rows that a run can have; those of the dataset have no variant, some no target."""

    variants: frozenset[str]
    targets: frozenset[str]
    seeds: frozenset[int]
    keys: frozenset[str]
    shifts: frozenset[tuple[str, int]]  # with their severities

    @staticmethod
    def of(run: Run) -> Names:
        """By the run's own record."""
        variants, targets = frozenset({"", *run.variants}), frozenset({"", *run.targets})
        shifts = frozenset({("", 0), *run.conditions})
        return Names(variants, targets, frozenset(run.seeds), frozenset(run.keys), shifts)


def refuse_wrong(row: Row, names: Names | None) -> None:
    """Raises ValueError with what is wrong, also with what it is of where that is known."""
    for name, kind in _TYPES.items():
        value = getattr(row, name)
        if type(value) is not kind:
            raise ValueError(f"{name} = {shown(value)} is no {kind.__name__}")
    if row.value is not None and (type(row.value) not in (int, float) or not isfinite(row.value)):
        raise ValueError(f"value = {shown(row.value)} is no finite number")
    if row.status not in _STATES:
        raise ValueError(f"status = {shown(row.status)} is none of {', '.join(_STATES)}")
    if names is not None:
        _refuse_others("variant", row.variant, names.variants)
        if row.variant:  # else it is of the dataset
            _refuse_others("seed", row.seed, names.seeds)
            _refuse_others("key", row.key, names.keys)
        _refuse_others("target", row.target, names.targets)
        _refuse_others("shift and severity", (row.shift, row.severity), names.shifts)


def _refuse_others(name: str, value: object, known: Collection[object]) -> None:
    if value not in known:
        raise ValueError(f"{name} = {shown(value)} is none of its run's")
