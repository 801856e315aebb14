"""The figures of the metrics that compute them themselves, each behind a boundary of its own."""

from __future__ import annotations

from collections.abc import Sequence

from compbench import metrics
from compbench.contracts.metric import Estimate, Measured, MetricBase, Taken
from compbench.errors import first_line
from compbench.results.row import Row
from compbench.results.row_index import Rows
from compbench.statistics.intervals import Interval
from compbench.statistics.summary import Figure


def further(rows: Rows, variant: str, baseline: str, target: str) -> dict[str, Figure]:
    """Column -> figure of a variant on a target, where the run has the rows that it is made of."""
    found: dict[str, Figure] = {}
    for metric in metrics.every().values():
        if metric.is_further:
            found |= _figures(metric, rows, variant, baseline, target)
    return found


def _figures(
    metric: MetricBase, rows: Rows, variant: str, baseline: str, target: str
) -> dict[str, Figure]:
    taken = _rows(metric, rows, variant, target)
    reasons = [f"{row.status}: {row.reason}" for row in taken if row.status != "ok"]
    if reasons:  # at one of its seeds: the others alone would not be comparable
        return dict.fromkeys(metric.given, Figure(None, reasons[0]))
    if not taken:
        return {}
    try:
        beside = _measured(_rows(metric, rows, baseline, target))
        values = metric.derive(_measured(taken), beside)
        return _checked(metric, {name: _estimate(value) for name, value in values.items()})
    except Exception as error:  # a metric's own: all other figures stand
        reason = f"failed: {type(error).__name__}: {first_line(error)}"
        return dict.fromkeys(metric.given, Figure(None, reason))


def _rows(metric: MetricBase, rows: Rows, variant: str, target: str) -> list[Row]:
    """What holds on every target, and what was measured on this one."""
    return [
        row
        for name in metric.read
        for where in dict.fromkeys(("", target))
        for row in rows.of(variant, name, where)
    ]


def _measured(rows: Sequence[Row]) -> Measured:
    found: dict[str, list[Taken]] = {}
    for row in rows:
        if row.status == "ok":
            taken = Taken(row.seed, row.value, row.samples)
            found.setdefault(row.metric, []).append(taken)
    return Measured(found)


def _estimate(value: Estimate | None) -> Interval | float | None:
    if value is None:
        return None
    return Interval(*map(float, value)) if isinstance(value, tuple) else float(value)


def _checked(metric: MetricBase, values: dict[str, Interval | float | None]) -> dict[str, Figure]:
    """Raises ValueError for what the metric did not say that it gives."""
    for name, value in values.items():
        if name not in metric.given:
            raise ValueError(f"derive gave '{name}', which is none of its columns")
        is_interval = isinstance(value, Interval)
        if value is not None and is_interval != metric.given[name].has_interval:
            said = "an interval" if is_interval else "no interval"
            raise ValueError(f"derive gave {said} for '{name}', which its column does not say")
    return {name: Figure(value) for name, value in values.items()}
