"""Summaries -> how the metric falls with the severity of each shift, a panel a shift."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from compbench.report.pictures import style
from compbench.report.pictures.selection import MOST_SHIFTED, has_curves, shown
from compbench.results.record import Run
from compbench.statistics.intervals import Interval
from compbench.statistics.lineage import last_step
from compbench.statistics.summary import Summaries

_COLUMNS = 3


def degradation_curves(run: Run, summaries: Summaries, target: str) -> Figure:
    """A line a variant, its family's colour; all panels have one scale."""
    chosen = shown(run, summaries, target, has_curves, MOST_SHIFTED).summaries
    drawn = [s.variant for s in summaries.of(target) if s in chosen]  # in the suite's order
    columns = min(_COLUMNS, len(run.shifts))
    lines = ceil(len(run.shifts) / columns)
    figure = style.canvas(1.5 + 2.3 * lines)
    panels = figure.subplots(lines, columns, squeeze=False, sharey=True).ravel()
    looks, markers = style.lines(run, drawn), style.looks(run)
    for axes, shift in zip(panels, run.shifts, strict=False):
        for variant in drawn:
            found = summaries.find(variant, target).degradation
            curve = found.curves.get(shift, {}) if found else {}
            look = {**looks[variant], "marker": markers[last_step(run, variant)].marker}
            _draw(axes, curve, look)
        axes.set_title(shift)
        axes.set_xticks([0, *map(int, run.shifts[shift]["severities"])])
    for axes in panels[len(run.shifts) :]:
        axes.axis("off")
    for place, axes in enumerate(panels[: len(run.shifts)]):
        if place + columns >= len(run.shifts):  # the last one of its column
            axes.set_xlabel("severity (0: as they are)")
    for axes in panels[::columns]:
        axes.set_ylabel(style.metric_name(run.headline))
    style.metric_axis(panels[0].yaxis, run.headline)
    style.heading(figure, f"{run.suite} on {target}: who degrades first on shifted {run.noun}s")
    figure.legend(
        handles=_key(drawn, looks, run), loc="outside lower center", ncols=4, handlelength=3
    )
    return figure


def _draw(axes: Axes, curve: Mapping[int, Interval], look: Mapping[str, Any]) -> None:
    known = {severity: style.drawable(found) for severity, found in curve.items()}
    if not known:
        return
    errors = np.array([(i.value - i.low, i.high - i.value) for i in known.values()]).T
    values = [found.value for found in known.values()]
    # all at their own severity: beside each other, equal curves would look apart where they fall
    axes.errorbar([*known], values, np.maximum(errors, 0), ms=4, elinewidth=0.8, **look)


def _key(drawn: list[str], looks: Mapping[str, Mapping[str, Any]], run: Run) -> list[Line2D]:
    markers = style.looks(run)
    return [
        Line2D(
            *([], []),
            ms=4,
            marker=markers[last_step(run, variant)].marker,
            label=style.short(variant),
            **looks[variant],
        )
        for variant in drawn
    ]
