"""A history -> a picture: a small panel for each variant, steps as vertical lines."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from compbench.history.history import History, letter
from compbench.history.series import Series, Step
from compbench.report.pictures import style
from compbench.results.record import Run
from compbench.statistics.lineage import last_step

MOST = 12  # panels
_MARKERS = "osD^vPXh"
_MOST_TICKS = 5
_KINDS: dict[str, Any] = {  # of steps
    "worse": {"color": style.INK, "linestyle": "-"},
    "better": {"color": style.INK, "linestyle": (0, (5, 2))},
    "can't be compared": {"color": style.FAINT, "linestyle": (0, (1, 1.5))},
}


def picture(found: History) -> bytes:
    """PNG bytes: values with their intervals, runs from left to right as they followed."""
    with rc_context(style.STYLE):
        return style.png(panels(found))


def shown(found: History) -> list[Series]:
    """At most `MOST` variants, those with steps before the others."""
    first = [series for series in found.series if series.steps]
    chosen = [*first, *(series for series in found.series if not series.steps)][:MOST]
    return [series for series in found.series if series in chosen]


def panels(found: History) -> Figure:
    """A panel for each of those that are shown."""
    chosen = shown(found)
    columns = 3 if len(chosen) > 8 else min(2, len(chosen))
    rows = ceil(len(chosen) / columns)
    figure = style.canvas(1.5 + 2.1 * rows)
    places = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, series in zip(places, chosen, strict=False):
        _panel(axes, found, series)
    for axes in places[len(chosen) :]:
        axes.axis("off")
    left_out = [series for series in found.series if series not in chosen]
    kind = "variants" if any(series.steps for series in left_out) else "variants without steps"
    more = f"; {len(left_out)} {kind} have no room" if left_out else ""
    style.heading(figure, f"{found.suite} on {found.target}: {found.metric.label}, by run{more}")
    figure.legend(handles=_key(found), loc="outside lower center", ncols=5)
    return figure


def _panel(axes: Axes, found: History, series: Series) -> None:
    run = _newest(found, series.variant)
    colour = style.looks(run)[last_step(run, series.variant)].colour
    for group in dict.fromkeys(p.group for p in series.points):
        points = [p for p in series.points if p.group == group]
        marker = _MARKERS[group % len(_MARKERS)]
        x, y = [p.at for p in points], np.array([p.interval.value for p in points])
        drawn = [style.drawable(p.interval) for p in points]
        reach = [y - [each.low for each in drawn], [each.high for each in drawn] - y]
        axes.errorbar(x, y, np.abs(reach), color=colour, fmt="none", elinewidth=1, alpha=0.55)
        faces = ["white" if p.remade else colour for p in points]
        axes.scatter(x, y, s=20, c=faces, edgecolors=colour, marker=marker, zorder=3)
        for first, last, mean in series.levels:
            if found.groups[first] == group:
                axes.hlines(mean, first - 0.4, last + 0.4, color=colour, lw=1.2, alpha=0.7)
    axes.set_title(style.short(series.variant), fontsize=9.5)
    axes.set_xlim(-0.6, len(found.moments) - 0.4)
    axes.margins(y=0.22)
    if min(p.interval.low for p in series.points) >= 0 > axes.get_ylim()[0]:
        axes.set_ylim(bottom=0)
    for step in series.steps:
        _line(axes, found, step)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: found.metric.write(value)))
    axes.tick_params(labelsize=8)
    ticks = np.unique(np.linspace(0, len(found.moments) - 1, _MOST_TICKS).round().astype(int))
    labels = [
        f"{found.moments[i].short_commit}\n{found.moments[i].run.started[5:10]}" for i in ticks
    ]
    axes.set_xticks(ticks, labels, fontsize=7.5)


def _line(axes: Axes, found: History, step: Step) -> None:
    """Its kind by its dashes and in a word, as a colour would be a family's."""
    kind = _kind(found, step)
    axes.axvline(step.at - 0.5, lw=1.4, **_KINDS[kind])
    word = "" if step.is_apart or not found.metric.better else f" {kind}"
    size = found.metric.size_text(step.before, step.after) + word
    is_late = step.at > 0.7 * len(found.moments)
    axes.annotate(
        size,
        (step.at - 0.5, 0.99),
        xytext=(-3 if is_late else 3, 0),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="right" if is_late else "left",
        va="top",
        fontsize=8,
        color=style.INK,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.6},
    )


def _kind(found: History, step: Step) -> str:
    """One of `_KINDS`."""
    if step.is_apart:
        return "can't be compared"
    return "worse" if (step.after - step.before) * found.metric.better < 0 else "better"


def _newest(found: History, variant: str) -> Run:
    """The last run that has this variant: its family is that of today."""
    return next(m.run for m in reversed(found.moments) if variant in m.run.variants)


def _key(found: History) -> list[Line2D]:
    families: dict[str, Line2D] = {}
    for series in shown(found):
        run = _newest(found, series.variant)
        family = last_step(run, series.variant)
        families.setdefault(family, style.family_key(run, [family], markers=False)[0])
    handles = list(families.values())
    groups = sorted({p.group for series in found.series for p in series.points})
    for group in groups if len(groups) > 1 else ():
        marker = _MARKERS[group % len(_MARKERS)]
        name = f"machine or settings {letter(group)}"
        handles.append(Line2D([], [], ls="none", marker=marker, color=style.INK, label=name))
    points = [p for series in shown(found) for p in series.points]
    if any(p.remade for p in points):
        hollow: Any = {"markerfacecolor": "white", "color": style.INK, "marker": "o"}
        handles.append(Line2D([], [], ls="none", label="hollow: another file", **hollow))
    steps = [step for series in shown(found) for step in series.steps]
    kinds = {_kind(found, step) for step in steps}
    for name, look in _KINDS.items():
        if name in kinds:
            handles.append(Line2D([], [], label=f"step: {name}", **look))
    return [*handles, Line2D([], [], color=style.INK, lw=1.2, alpha=0.7, label="level")]
