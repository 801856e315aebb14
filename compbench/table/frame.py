"""A run's summaries as a tidy table: a row for each variant on each target."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pandas as pd

from compbench import metrics
from compbench.results.record import Run
from compbench.results.row import Row
from compbench.statistics.intervals import Interval
from compbench.statistics.lineage import ancestors
from compbench.statistics.summarise import summarise
from compbench.statistics.summary import Summaries, Summary
from compbench.table.columns import column_name, listing, metric_name

_DTYPES = {int: "Int64", bool: "bool", str: "string"}
FURTHER = "further"  # the field of `Summary` whose columns are the metrics'
_NO_COLUMNS = {FURTHER, "validation", "log_ratios", "degradation"}  # what others are computed from
_ENDS = {"": "value", "_low": "low", "_high": "high"}


def table(run: Run, measured: Summaries | Iterable[Row]) -> pd.DataFrame:
    """The tidy table of a run's summaries, or of its rows.

    The metric and its changes are in its unit, accuracies fractions, and its columns are called by
    it; what was not measured is NaN. Counts are Int64, texts
    string, flags bool, all else float64. Every interval is three columns.
    """
    summaries = measured if isinstance(measured, Summaries) else summarise(run, measured)
    found = _about(run, summaries)
    hints = get_type_hints(Summary)
    for field in fields(Summary):
        if field.name not in found and field.name not in _NO_COLUMNS:
            values = [None if s.reason else getattr(s, field.name) for s in summaries.all]
            name = metric_name(field.name, run.headline)
            found |= _columns(name, hints[field.name], values)
    return pd.DataFrame(found | _further(summaries))


table.__doc__ = f"{table.__doc__}\n{listing()}"


def _about(run: Run, summaries: Summaries) -> dict[str, pd.Series]:
    """Which variant on which target a row is about, and whether it was measured."""
    every = [(s, run.variants[s.variant], s.reason.partition(": ")) for s in summaries.all]
    texts = {
        "suite": [run.suite for _ in every],
        "variant": [s.variant for s, _, _ in every],
        "technique": [variant["technique"] for _, variant, _ in every],
        "lineage": [" → ".join([*ancestors(run, s.variant), s.variant]) for s, _, _ in every],
        "parents": [", ".join(variant["parents"]) for _, variant, _ in every],
        "target": [s.target for s, _, _ in every],
        "batch_size": [run.targets[s.target]["batch_sizes"][0] for s, _, _ in every],
        "status": [status or "ok" for _, _, (status, _, _) in every],
        "reason": [reason for _, _, (_, _, reason) in every],
        "is_baseline": [s.variant == run.baseline for s, _, _ in every],
        "on_front": [(s.variant, s.target) in summaries.on_front for s, _, _ in every],
        "may_be_on_front": [
            (s.variant, s.target) in summaries.may_be_on_front for s, _, _ in every
        ],
    }
    kinds = {"batch_size": int}
    kinds |= dict.fromkeys(("is_baseline", "on_front", "may_be_on_front"), bool)
    return {name: _series(values, kinds.get(name, str)) for name, values in texts.items()}


def _further(summaries: Summaries) -> dict[str, pd.Series]:
    """The columns of the metrics that compute their figures themselves."""
    found: dict[str, pd.Series] = {}
    for metric in metrics.every().values():
        for name, column in metric.given.items() if metric.is_further else ():
            figures = [s.further.get(name) for s in summaries.all]
            values = [figure and figure.value for figure in figures]
            found |= _columns(name, Interval if column.has_interval else float, values)
    return found


def _columns(field: str, hint: Any, values: Sequence[Any]) -> dict[str, pd.Series]:
    """A field of `Summary` as columns: three of an interval, one for each key of a mapping."""
    if isinstance(hint, UnionType):
        (hint,) = (kind for kind in get_args(hint) if kind is not NoneType)
    if get_origin(hint) is dict:
        found: dict[str, pd.Series] = {}
        for key in dict.fromkeys(key for value in values for key in value or ()):
            of_key = [value.get(key) if value else None for value in values]
            found |= _columns(column_name(field, key), get_args(hint)[1], of_key)
        return found
    if hint is Interval:
        return {
            field + suffix: _series([value and getattr(value, end) for value in values], float)
            for suffix, end in _ENDS.items()
        }
    return {field: _series(values, hint)}


def _series(values: Sequence[Any], kind: type) -> pd.Series:
    return pd.Series(values, dtype=_DTYPES.get(kind, "float64"))
