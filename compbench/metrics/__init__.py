"""Metrics, one a file; the file's name is the metric's, its class is called `Metric`.

A file says what a metric is: words, unit, direction, columns, history. A new one also measures or
computes itself there (`examples/adding/metric.py`); those that the protocol takes for all variants
side by side are measured in `measure/` and computed in `statistics/`.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import lru_cache

from compbench.contracts.metric import MetricBase
from compbench.errors import UserError, first_line

_BETTER = ("lower", "higher", "neither")


def names() -> tuple[str, ...]:
    """The names of all metrics, without importing any of them."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name[0] != "_"))


def every() -> dict[str, MetricBase]:
    """All metrics by name, in the order of their columns.

    Raises UserError for a file that does not import or lacks what every metric has.
    """
    return dict(_every(names(), tuple(__path__)))


def find(name: str) -> MetricBase:
    """One metric; its file is imported now, and no other."""
    path = f"{__name__}.{name}"
    try:
        module = importlib.import_module(path)
    except Exception as error:  # whatever a plugin's file raises
        said = f"{type(error).__name__}: {first_line(error)}"
        raise UserError(f"the metric '{path}' does not import: {said}") from error
    plugin = getattr(module, "Metric", None)
    if not (inspect.isclass(plugin) and issubclass(plugin, MetricBase)):
        raise UserError(f"the metric file {path} has no class 'Metric' of its own")
    metric = plugin()
    complaint = _complaint(metric)
    if complaint:
        raise UserError(f"the metric file {path}: {complaint}")
    return metric


@lru_cache
def _every(files: tuple[str, ...], folders: tuple[str, ...]) -> tuple[tuple[str, MetricBase], ...]:
    """Read once for the same files in the same folders."""
    found = [find(name) for name in files]
    owners: dict[str, str] = {}
    for metric in found:
        for column in metric.given:
            if column in owners:
                both = f"'{owners[column]}' and '{metric.name}'"
                raise UserError(f"the metrics {both} both give the column '{column}'")
            owners[column] = metric.name
    found.sort(key=lambda metric: (metric.order, metric.name))
    return tuple((metric.name, metric) for metric in found)


def _complaint(metric: MetricBase) -> str:
    for attribute in ("label", "meaning"):
        if not getattr(metric, attribute, ""):
            return f"give it a '{attribute}'"
    if metric.better not in _BETTER:
        return f"'better' should be one of {', '.join(_BETTER)}, not {metric.better!r}"
    if metric.is_of_files and metric.is_of_targets:
        return "it measures files or files on targets, not both: make two metrics of it"
    if metric.is_further and not metric.given:
        return "it has figures, so give it a column"
    history = metric.history
    if history and metric.is_further and (history.column or metric.name) not in metric.given:
        return f"its history reads '{history.column or metric.name}', which is none of its columns"
    return ""
