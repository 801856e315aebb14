"""Summaries -> accuracy against latency, with the Pareto front named."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from compbench import style, text
from compbench.placing import Box, around, place
from compbench.results import Run
from compbench.shown import evenly, family, is_ahead, is_timed
from compbench.stats import Summaries, Summary

_RING = 6  # points that a ring is wider than its mark
_MOST_NAMED = 16  # beyond, names cover marks
_ALL_NAMED = 12  # up to so many variants, those behind the front are named too
_MOST_BARS = 40  # beyond, intervals are drawn for the front only


def pareto_scatter(run: Run, summaries: Summaries, target: str) -> Figure:
    """Accuracy against p50 latency; a mark's area by bytes, the front ringed and named."""
    measured = [s for s in summaries.of(target) if is_timed(s)]
    figure = style.canvas(5.6, constrained=False)
    FigureCanvasAgg(figure)
    axes = figure.subplots(gridspec_kw={"left": 0.09, "right": 0.98, "top": 0.88, "bottom": 0.21})
    _limit(axes, measured)
    ahead = [s for s in measured if is_ahead(summaries, s)]
    behind = [s for s in measured if not is_ahead(summaries, s)]
    _marks(axes, run, behind, measured, ahead=False)
    _marks(axes, run, ahead, measured, ahead=True)
    named = evenly(ahead, _MOST_NAMED)
    baseline = [s for s in behind if s.variant == run.baseline]
    named += behind if len(measured) <= _ALL_NAMED else baseline
    _names(figure, axes, run, named, measured)
    batch = run.targets[target]["batch_sizes"][0]
    axes.set(xlabel=f"p50 latency at batch {batch} (log scale)", ylabel="test accuracy")
    title = f"{run.suite} on {target}: accuracy against latency"
    style.heading(figure, title)
    axes.set_title(
        "up and left is better; ringed: the Pareto front; bars: 95 % intervals", size=9.5
    )
    _key(figure, run, measured)
    return figure


def _limit(axes: Axes, measured: Sequence[Summary]) -> None:
    times = [s.p50_ns for s in measured if s.p50_ns]
    margin = max((max(times) / min(times)) ** 0.1, 1.08)
    style.log_axis(axes.xaxis, min(times) / margin, max(times) * margin, "ns")
    values = [s.accuracy for s in measured if s.accuracy]
    low = style.robust_low(v.value for v in values)
    top = min(max(v.high for v in values), 1.0)
    bottom = max(min(v.low for v in values if v.value >= low), low - (top - low) * 0.6, 0)
    margin = 0.05 * max(top - bottom, 0.004)
    axes.set_ylim(bottom - margin, top + margin)
    style.percent_axis(axes.yaxis)


def _area(s: Summary, measured: Sequence[Summary]) -> float:
    """Of a mark in square points: proportional to bytes above a visible least."""
    largest = max(m.size_bytes or 0 for m in measured)
    return 22 + (330 if len(measured) <= _MOST_BARS else 200) * (s.size_bytes or 0) / largest


def _height(axes: Axes, s: Summary) -> tuple[float, bool]:
    """Where a mark stands, and whether that is the lower edge because it is far below."""
    assert s.accuracy
    low, high = axes.get_ylim()
    is_below = s.accuracy.value < low
    return (low + 0.025 * (high - low) if is_below else s.accuracy.value), is_below


def _marks(
    axes: Axes, run: Run, some: Sequence[Summary], measured: Sequence[Summary], *, ahead: bool
) -> None:
    """The marks of those ahead or behind, with intervals; larger ones below smaller ones."""
    for s in sorted(some, key=lambda s: -(s.size_bytes or 0)):
        assert s.accuracy and s.p50_ns
        name = family(run, s.variant)
        colour = style.FAMILY_COLOURS[name]
        y, is_below = _height(axes, s)
        if not is_below and (ahead or len(measured) <= _MOST_BARS):
            ends = (s.accuracy.low, s.accuracy.high)
            faint = 0.9 if ahead else 0.3
            axes.plot([s.p50_ns] * 2, ends, color=colour, lw=1.1, alpha=faint, zorder=2 + ahead)
        area = 40 if is_below else _area(s, measured)
        axes.plot(
            *([s.p50_ns], [y]),
            marker="v" if is_below else style.FAMILY_MARKERS[name],
            markersize=sqrt(area),
            color=colour,
            markeredgecolor="white",
            markeredgewidth=0.6,
            alpha=1 if ahead else 0.4,
            zorder=4 + ahead,
            linestyle="none",
        )
        if ahead:
            ring = {"mfc": "none", "mec": style.INK, "mew": 1.2, "ls": "none", "zorder": 6}
            axes.plot([s.p50_ns], [y], marker="o", ms=sqrt(area) + _RING, **ring)


def _names(
    figure: Figure, axes: Axes, run: Run, named: Sequence[Summary], measured: Sequence[Summary]
) -> None:
    """Names beside their marks, joined by a line where that is far."""
    boxes = {s.variant: _box(axes, s, measured) for s in measured}
    ahead = {s.variant for s in named}
    labels = [_label(axes, run, s) for s in named]
    scale = figure.dpi / 72
    # DejaVu Sans at 9 points: 5.6 points a character are enough, and asking is slow
    sizes = [(len(label) * 5.6 * scale, 11 * scale) for label in labels]
    marks = [boxes[s.variant] for s in named]
    window = axes.get_window_extent()
    inside = Box(window.x0, window.y0, window.x1, window.y1)
    others = [box for variant, box in boxes.items() if variant not in ahead]
    bars = [_bar(axes, s) for s in named]
    places = place(marks, sizes, inside, [*others, *bars])
    back = axes.transData.inverted()
    for s, label, mark, box in zip(named, labels, marks, places, strict=True):
        is_far = (
            np.hypot(*np.subtract(box.centre, mark.centre))
            > 26 * scale + (box.right - box.left) / 2
        )
        line = {"arrowstyle": "-", "color": style.FAINT, "lw": 0.7, "shrinkA": 0, "shrinkB": 3}
        axes.annotate(
            label, xy=tuple(back.transform(mark.centre)), xytext=tuple(back.transform(box.centre)),
            ha="center", va="center", fontsize=9, zorder=7,
            fontweight="bold" if s.variant == run.baseline else "normal",
            arrowprops=line if is_far else None,
        )  # fmt: skip


def _label(axes: Axes, run: Run, s: Summary) -> str:
    label = f"{s.variant} (baseline)" if s.variant == run.baseline else s.variant
    _, is_below = _height(axes, s)
    return f"{label}: {text.share(s.accuracy.value)}" if is_below and s.accuracy else label


def _box(axes: Axes, s: Summary, measured: Sequence[Summary]) -> Box:
    y, is_below = _height(axes, s)
    side = (sqrt(40 if is_below else _area(s, measured)) + _RING) * axes.figure.dpi / 72
    x_pixels, y_pixels = axes.transData.transform((s.p50_ns or 0, y))
    return around(float(x_pixels), float(y_pixels), side, side)


def _bar(axes: Axes, s: Summary) -> Box:
    assert s.accuracy
    low, high = (axes.transData.transform((s.p50_ns or 0, y)) for y in s.accuracy[1:])
    return Box(low[0] - 2, low[1], low[0] + 2, high[1])


def _key(figure: Figure, run: Run, measured: Sequence[Summary]) -> None:
    """What colours and areas mean."""
    families = style.family_key((family(run, s.variant) for s in measured), markers=True)
    figure.legend(handles=families, loc="lower left", ncols=8, bbox_to_anchor=(0.07, 0.055),
                  handletextpad=0.1, columnspacing=1.2)  # fmt: skip
    largest = max(s.size_bytes or 0 for s in measured)
    sizes = [Line2D([], [], ls="none", label="area: bytes of the file")]
    for share in (0.05, 0.3, 1):
        size = share * largest
        area = _area(Summary("", "", size_bytes=size), measured)
        line = {"ls": "none", "marker": "o", "ms": sqrt(area), "color": "#bbbbbb"}
        sizes.append(Line2D([], [], label=text.bytes_text(size), **line))
    figure.legend(handles=sizes, loc="lower left", ncols=4, bbox_to_anchor=(0.05, 0.0))
