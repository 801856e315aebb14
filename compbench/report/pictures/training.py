"""Histories -> training curves; with many variants a row of panels for each family.

A colour is a family's; variants of one family differ in their dashes, and are named at the end of
their curves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from compbench.headline import Headline
from compbench.report.pictures import style
from compbench.report.pictures.label_placement import spread
from compbench.report.pictures.selection import curves, trained
from compbench.results.record import Run
from compbench.results.row_index import Rows
from compbench.statistics.lineage import last_step

_MOST_LINES = 10  # of one panel
_MOST_TITLE = 48  # characters of a panel's title that have room in large letters
_MARGINS = (0.85, 2.45, 0.65, 0.5)
_SHAPES = "os^DvPX"  # of curves of one epoch
_HIGHEST = 0.97  # where a name may stand, as the title is above
_FONT, _SAMPLE = 8.5, (1.035, 1.105)  # a name's points; where its line's sample lies, in axes
_REFERENCE = {"linewidth": 1.1, "alpha": 0.5, "zorder": 1}  # the baseline among another family


@dataclass(frozen=True)
class _Curve:
    """One variant's training, the mean over seeds."""

    epochs: NDArray
    loss: NDArray
    quality: NDArray
    chosen: tuple[int, ...]  # the epoch that each seed kept


@dataclass(frozen=True)
class _Named:
    """A curve with its name and its line."""

    name: str
    curve: _Curve
    line: dict[str, Any]
    lone: dict[str, Any]  # more of it where there is one epoch, so that no dash can be seen
    is_beside: bool = False  # only to compare with


def training_curves(run: Run, rows: Rows) -> Figure:
    """Training loss and validation metric by epoch."""
    shown, there = curves(run, rows), trained(run, rows)
    drawn = [variant for names in shown.values() for variant in names]
    if len(drawn) <= _MOST_LINES and shown == there:
        return _one_panel(run, rows, [v for v in run.variants if v in drawn])
    families = {name: shown[name] for name in style.looks(run) if name in shown}
    return _by_family(run, rows, families, {name: len(there[name]) for name in families})


def _one_panel(run: Run, rows: Rows, drawn: list[str]) -> Figure:
    left_inches, right_inches, top, bottom = _MARGINS
    figure = style.canvas(4.4, (left_inches, right_inches, top, bottom + 0.4))
    figure.subplots_adjust(wspace=0.28)
    left, right = figure.subplots(1, 2)
    named = _named(run, rows, drawn)
    _panels(left, right, named, [], run.headline)
    _titles(left, right, run.headline)
    for axes in (left, right):
        axes.set_xlabel("epoch")
    style.heading(figure, f"{run.suite}: training")
    key = style.family_key(run, (last_step(run, v) for v in drawn), markers=False)
    figure.legend(handles=key, loc="lower center", ncols=len(key), handletextpad=0.1)
    return figure


def _by_family(
    run: Run, rows: Rows, families: Mapping[str, list[str]], counts: Mapping[str, int]
) -> Figure:
    figure = style.canvas(1.2 + 2.0 * len(families), _MARGINS)
    figure.subplots_adjust(wspace=0.28, hspace=0.24)
    grid = figure.subplots(len(families), 2, squeeze=False)
    has_baseline = any(r.samples for r in rows.of(run.baseline, "history"))
    named = _named(run, rows, [run.baseline] if has_baseline else [])
    reference = [replace(one, line=one.line | _REFERENCE, is_beside=True) for one in named]
    for (name, variants), (left, right) in zip(families.items(), grid, strict=True):
        beside = [] if run.baseline in variants else reference
        _panels(left, right, _named(run, rows, variants), beside, run.headline)
        left.set_ylabel(name, fontweight="bold")
        if len(variants) < counts[name]:
            said = f"{len(variants)} of {counts[name]} {name}"
            right.annotate(said, (0.99, 0.03), xycoords="axes fraction", ha="right",
                           fontsize=_FONT, color=style.INK)  # fmt: skip
    _titles(grid[0][0], grid[0][1], run.headline)
    style.heading(figure, f"{run.suite}: training, by family")
    for axes in grid[-1]:
        axes.set_xlabel("epoch")
    return figure


def _titles(left: Axes, right: Axes, metric: Headline) -> None:
    left.set_title("training loss (each technique's own)")
    name, dot = style.metric_name(metric), "dot: the epoch kept)"
    title = f"validation {name[:-1]}; {dot}" if name.endswith(")") else f"validation {name} ({dot}"
    right.set_title(title, fontsize=None if len(title) <= _MOST_TITLE else 9)


def _named(run: Run, rows: Rows, variants: list[str]) -> list[_Named]:
    ends = {run.baseline: " (baseline)"}
    looks = style.lines(run, variants)
    found = []
    for i, variant in enumerate(variants):
        curve, name = _curve(rows, variant), style.short(variant) + ends.get(variant, "")
        lone = {"marker": _SHAPES[i % len(_SHAPES)], "ms": 8, "mfc": "none"}
        found.append(_Named(name, curve, looks[variant], lone if len(curve.epochs) == 1 else {}))
    return found


def _curve(rows: Rows, variant: str) -> _Curve:
    found = [r for r in rows.of(variant, "history") if r.samples]
    loss, quality = (
        [np.asarray(r.samples[column]) for r in found] for column in ("train_loss", "validation")
    )
    count = min(len(values) for values in loss)
    return _Curve(
        np.asarray(found[0].samples["epoch"])[:count],
        np.mean([values[:count] for values in loss], axis=0),
        np.mean([values[:count] for values in quality], axis=0),
        tuple(int(r.value) for r in found if r.value is not None),
    )


def _panels(
    left: Axes, right: Axes, named: list[_Named], beside: list[_Named], metric: Headline
) -> None:
    """The curves of a family or of all, and faintly what they stand beside."""
    for one in [*named, *beside]:
        _draw(left, right, one)
    _limit(left, right, [one.curve for one in named], metric)
    seen = [
        one
        for one in beside
        if _is_seen(left, one.curve.epochs, one.curve.loss)
        or _is_seen(right, one.curve.epochs, one.curve.quality)
    ]
    _name(right, [*named, *seen])


def _is_seen(axes: Axes, x: NDArray, y: NDArray) -> bool:
    """Whether a point of a curve lies inside the panel."""
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    return bool(((x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)).any())


def _draw(left: Axes, right: Axes, one: _Named) -> None:
    curve, line = one.curve, {**one.line, **one.lone, "label": one.name}
    left.plot(curve.epochs, curve.loss, **line)
    right.plot(curve.epochs, curve.quality, **line)
    kept = np.flatnonzero(np.isin(curve.epochs, curve.chosen))
    dot = {"color": one.line["color"], "alpha": one.line.get("alpha")}
    size = 3 if one.is_beside else 4.5
    right.plot(curve.epochs[kept], curve.quality[kept], "o", ms=size, **dot)


def _limit(left: Axes, right: Axes, curves: list[_Curve], metric: Headline) -> None:
    """Axes that show the curves of this panel, whatever the reference needs."""
    for axes in (left, right):
        axes.xaxis.set_major_locator(
            MaxNLocator(6, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)
        )
        last = max((int(c.epochs[-1]) for c in curves), default=1)
        beside = 0.05 * (last - 1) if last > 1 else 0.5
        axes.set_xlim(1 - beside, last + beside)
    losses = np.concatenate([c.loss for c in curves] or [np.ones(1)])
    positive = losses[losses > 0]
    if len(positive) and positive.max() < np.inf:
        low, high = positive.min() / 1.3, positive.max() * 1.3
        style.log_axis(left.yaxis, float(low), float(high), "")
    values = np.concatenate([c.quality for c in curves] or [np.ones(1)])
    worst, best = style.robust_worst(values, metric), style.best_of(values, metric)
    low, high = min(worst, best), max(worst, best)
    margin = max(0.08 * (high - low), 0.2 * style.visible(best, metric))
    most = 1.002 if metric.is_share else np.inf
    right.set_ylim(low - margin, min(high + margin, most))
    style.metric_axis(right.yaxis, metric)


def _name(axes: Axes, named: list[_Named]) -> None:
    """Names to the right, each with a sample of its line, joined to the end of its curve."""
    ends = [_end(axes, one.curve) for one in named]
    box, figure = axes.get_position(), axes.figure
    height = box.height * figure.get_figheight()  # pyright: ignore[reportAttributeAccessIssue]
    gap = 1.28 * _FONT / 72 / height
    places = spread([y for _, y in ends], gap)
    over, under = max(places, default=0.0) - _HIGHEST, -min(places, default=0.0)
    shift = max(over, 0.0) - max(under, 0.0)
    outside: Any = {"transform": axes.transAxes, "clip_on": False}
    for one, (x, y), at in zip(named, ends, places, strict=True):
        place = at - shift
        joined = {"color": style.FAINT, "lw": 0.6, "zorder": 1, "label": "_joined"}
        axes.plot([x, _SAMPLE[0] - 0.01], [y, place], **joined, **outside)
        sample = {"linewidth": 1.7, **one.line, **one.lone, "label": "_sample"}
        middle = sum(_SAMPLE) / 2
        where = [middle] if one.lone else [*_SAMPLE]
        axes.plot(where, [place] * len(where), **sample, **outside)
        axes.text(_SAMPLE[1] + 0.02, place, one.name, va="center", fontsize=_FONT, in_layout=False,
                  **outside)  # fmt: skip


def _end(axes: Axes, curve: _Curve) -> tuple[float, float]:
    """Where a curve leaves the panel, in shares of its width and height."""
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    inside = np.flatnonzero(curve.epochs <= x1)
    last = int(inside[-1]) if len(inside) else 0
    across = (float(curve.epochs[last]) - x0) / (x1 - x0)
    up = (float(curve.quality[last]) - y0) / (y1 - y0)
    return min(max(across, 0.0), 1.0), min(max(up, 0.0), 1.0)
