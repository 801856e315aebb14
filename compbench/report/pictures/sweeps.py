"""Summaries -> the metric over a sweep: a line for one option, heat maps for two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, NullLocator

from compbench.report.pictures import style
from compbench.report.pictures.selection import evenly
from compbench.results.record import Run
from compbench.statistics.summary import Summaries, Summary
from compbench.statistics.sweeps import Sweep, best

_MOST_TICKS = 9
_WIDE = 10  # how many times larger the largest value is, where an axis is logarithmic


def curve(run: Run, summaries: Summaries, target: str, sweep: Sweep) -> Figure:
    """Test metric with its intervals, and validation metric, by the values of one option."""
    figure = style.canvas(3.6)
    axes = figure.subplots()
    found = _measured(summaries, target, sweep)
    values = [sweep.points[s.variant][0] for s in found]
    places = _places(axes, values, sweep.values(0))
    look = style.lines(run, [found[0].variant])[found[0].variant]
    quality = [style.drawable(s.quality) for s in found if s.quality]
    errors = np.array([(q.value - q.low, q.high - q.value) for q in quality]).T
    label = f"test, with 95 % intervals ({len(found)} points)"
    axes.errorbar(
        places, [q.value for q in quality], errors,
        marker="o", ms=5, capsize=3, elinewidth=1.1, label=label, **look,
    )  # fmt: skip
    on_validation = [
        np.nan if s.validation_quality is None else s.validation_quality for s in found
    ]
    axes.plot(places, on_validation, color=style.FAINT, marker="s", ms=4, label="validation")
    axes.set_xlabel(sweep.options[0])
    axes.set_ylabel(style.metric_name(run.headline))
    style.metric_axis(axes.yaxis, run.headline)
    axes.legend()
    style.heading(figure, f"{run.suite} on {target}: {sweep.name} by {sweep.options[0]}")
    return figure


def heat_maps(run: Run, summaries: Summaries, target: str, sweep: Sweep) -> Figure:
    """The metric on validation and on the test split, by the values of two options."""
    rows, columns = sweep.values(0), sweep.values(1)
    figure = style.canvas(1.6 + 0.4 * len(rows))
    places = {v: (rows.index(a), columns.index(b)) for v, (a, b) in sweep.points.items()}
    grids = np.full((2, len(rows), len(columns)), np.nan)
    for one in _measured(summaries, target, sweep):
        if one.validation_quality is not None and one.quality:
            grids[:, *places[one.variant]] = one.validation_quality, one.quality.value
    chosen = best(sweep, summaries, target, run)
    panels = figure.subplots(1, 2, sharey=True)
    least, most = np.nanmin(grids), np.nanmax(grids)
    colours = "viridis" if run.headline.better == "higher" else "viridis_r"
    for axes, grid, split in zip(panels, grids, ("validation", "test"), strict=True):
        image = axes.imshow(grid, cmap=colours, vmin=least, vmax=most, aspect="auto")
        for (row, column), value in np.ndenumerate(grid):
            if np.isfinite(value):
                shade = image.norm(value) if colours == "viridis" else 1 - image.norm(value)
                ink = "white" if shade < 0.6 else style.INK
                text = run.headline.text(float(value)).removesuffix(" %")
                axes.text(column, row, text, ha="center", va="center", fontsize=8, color=ink)
        axes.set_xticks(range(len(columns)), [_text(x) for x in columns])
        axes.set(xlabel=sweep.options[1], title=f"{split} {style.metric_name(run.headline)}")
        axes.grid(visible=False)
        axes.tick_params(length=0)
        if chosen:
            row, column = places[chosen.variant]
            axes.add_patch(
                Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=style.RED, lw=2)
            )
    panels[0].set_yticks(range(len(rows)), [_text(x) for x in rows])
    panels[0].set_ylabel(sweep.options[0])
    title = f"{sweep.name} by {sweep.options[0]} and {sweep.options[1]}"
    style.heading(figure, f"{run.suite} on {target}: {title}")
    return figure


def _measured(summaries: Summaries, target: str, sweep: Sweep) -> list[Summary]:
    return [s for s in summaries.of(target) if s.variant in sweep.points and s.quality]


def _places(axes: Axes, values: Sequence[Any], every: Sequence[Any]) -> list[float]:
    """Where values stand: numbers at their size, which may be logarithmic; others side by side."""
    numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in every)
    if not numbers:
        axes.set_xticks(range(len(every)), [_text(x) for x in every])
        return [float(every.index(x)) for x in values]
    if min(every) > 0 and max(every) >= _WIDE * min(every):
        axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(evenly(sorted(every), _MOST_TICKS)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    return [float(x) for x in values]


def _text(value: Any) -> str:
    if isinstance(value, dict):
        value = " ".join(str(x) for x in value.values())
    return style.short(f"{value:g}" if isinstance(value, float) else str(value))
