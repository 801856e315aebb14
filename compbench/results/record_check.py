"""Whether a run's record has what all that reads it relies on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compbench.errors import shown

_NUMBER = (int, float)
_MOST_LAUNCHES = 100_000  # each that is missing is told
_MOST = 1e100  # of a limit: its square is still a number
_TABLES: Mapping[str, Mapping[str, Any]] = {
    "dataset": {"name": str, "digest": str, "samples": dict},
    "measure": {"launches": int},
    "environment": {"system": str, "cores": (int, type(None))},
}
_IF_THERE = {"environment": {"memory_bytes": (*_NUMBER, type(None))}}
_EACH: Mapping[str, Mapping[str, Any]] = {
    "variants": {"technique": str, "parents": list, "options": dict, "torch": bool, "family": str},
    "targets": {"provider": str, "threads": int, "batch_sizes": list},
    "references": {"value": _NUMBER, "source": str},
    "shifts": {"shift": str, "severities": list},
}


def refuse_wrong(run: Mapping[str, Any]) -> None:
    """By the fields of a run. Raises ValueError where a table lacks something that is needed.

    Also where a name is of nothing in the run.
    """
    for name, needed in _TABLES.items():
        _refuse_incomplete(name, run[name], needed)
    for name, known in _IF_THERE.items():
        there = {n: kind for n, kind in known.items() if n in run[name]}
        _refuse_incomplete(name, run[name], there)
    for name, needed in _EACH.items():
        for one, table in run[name].items():
            _refuse_incomplete(f"{name}.{one}", table, needed)
    for name in ("targets", "seeds"):
        if not run[name]:
            raise ValueError(f"it has no {name}")
    launches = run["measure"]["launches"]
    if launches > _MOST_LAUNCHES:
        raise ValueError(f"measure.launches = {shown(launches)} is more than any run has")
    for name, limit in run["pick"].items():
        if isinstance(limit, _NUMBER) and not 0 <= limit <= _MOST:
            raise ValueError(f"pick.{name} = {shown(limit)} is no limit")
    for name, target in run["targets"].items():
        sizes = target["batch_sizes"]
        if not sizes or not all(type(size) is int and size > 0 for size in sizes):
            raise ValueError(f"targets.{name}.batch_sizes = {shown(sizes)} are no batch sizes")
    for name, shift in run["shifts"].items():
        severities = shift["severities"]
        if not severities or not all(type(one) is int and one > 0 for one in severities):
            raise ValueError(f"shifts.{name}.severities = {shown(severities)} are no severities")
    variants = run["variants"]
    _refuse_unknown("baseline", run["baseline"], variants)
    for name in run["references"]:
        _refuse_unknown("references", name, variants)
    _refuse_odd_parents(variants)


def _refuse_odd_parents(variants: Mapping[str, Mapping[str, Any]]) -> None:
    """Parents that are no variants, and a variant that descends from itself."""
    for name, variant in variants.items():
        for parent in variant["parents"]:
            _refuse_unknown(f"variants.{name}.parents", parent, variants)
        found, above = set[str](), [*variant["parents"]]
        while above:
            one = above.pop()
            if one == name:
                raise ValueError(f"variants.{name} descends from itself")
            if one not in found and one in variants:
                found.add(one)
                above += variants[one]["parents"]


def _refuse_incomplete(where: str, table: Any, needed: Mapping[str, Any]) -> None:
    for name, kind in needed.items():
        if name not in table:
            raise ValueError(f"{where} has no '{name}'")
        value = table[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ValueError(f"{where}.{name} = {shown(value)} is not what it should be")


def _refuse_unknown(where: str, name: Any, known: Mapping[str, Any]) -> None:
    if not isinstance(name, str) or name not in known:
        raise ValueError(f"{where}: {shown(name)} is no variant of the run")
