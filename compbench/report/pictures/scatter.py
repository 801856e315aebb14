"""Summaries -> quality against latency, with the Pareto front named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from compbench import units
from compbench.headline import Headline
from compbench.report.pictures import style
from compbench.report.pictures.label_placement import Box, around, place
from compbench.report.pictures.selection import evenly, is_ahead, is_surely_ahead, is_timed
from compbench.results.record import Run
from compbench.statistics.intervals import Interval
from compbench.statistics.lineage import last_step
from compbench.statistics.summary import Summaries, Summary

_RING = 6  # points that a ring is wider than its mark
_JOINED = 8  # points from which on a name is joined to its mark by a line
_MOST_NAMED = 16  # beyond, names cover marks
_ALL_NAMED = 12  # up to so many variants, those behind the front are named too
_MOST_BARS = 40  # beyond, intervals are drawn for the front only
_LEAST_AREA, _OF_BYTES, _BELOW_AREA = 22, (330, 200), 40  # square points


@dataclass(frozen=True)
class _Mark:
    """A variant's place in the picture; those far below stand on the lower edge."""

    summary: Summary
    family: str
    look: style.Look
    x: float
    y: float
    quality: Interval
    area: float
    is_below: bool
    is_ahead: bool
    is_sure: bool
    label: str

    @property
    def style(self) -> dict[str, str]:
        """Its colour and shape."""
        return {"color": self.look.colour, "marker": "v" if self.is_below else self.look.marker}


def pareto_scatter(run: Run, summaries: Summaries, target: str) -> Figure:
    """The metric against p50 latency, better upwards; a mark's area by bytes.

    The front is ringed and named, in dots where it is undecided.
    """
    figure = style.canvas(5.6, (0.8, 0.2, 0.62, 1.2))
    axes = figure.subplots()
    measured = [s for s in summaries.of(target) if is_timed(s)]
    metric = run.headline
    axes.set_ylim(_limits([style.drawable(s.quality) for s in measured if s.quality], metric))
    marks = _marks(run, summaries, measured, axes.get_ylim())
    times = [mark.x for mark in marks]
    margin = max((max(times) / min(times)) ** 0.1, 1.08)
    style.log_axis(axes.xaxis, min(times) / margin, max(times) * margin, "ns")
    style.metric_axis(axes.yaxis, metric)
    _draw(axes, style.looks(run), marks)
    _names(figure, axes, marks, run.baseline)
    batch = run.targets[target]["batch_sizes"][0]
    axes.set(
        xlabel=f"p50 latency at batch {batch} (log scale)",
        ylabel=f"test {style.metric_name(metric)}",
    )
    style.heading(figure, f"{run.suite} on {target}: {metric.label} against latency")
    explained = (
        "up and left is better; ringed: the Pareto front (dotted: perhaps); bars: 95 % intervals"
    )
    axes.set_title(explained, size=9.5)
    _key(figure, run, marks)
    return figure


def _limits(values: Sequence[Interval], metric: Headline) -> tuple[float, float]:
    """What is shown, from the worst value to the best: most of them with their intervals.

    Upside down where lower is better, so that the good corner is the upper left.
    """
    gain = metric.gain
    worst = gain(style.robust_worst((v.value for v in values), metric))
    ends = [sorted((gain(v.low), gain(v.high))) for v in values if gain(v.value) >= worst]
    top, bottom = max(high for _, high in ends), min(low for low, _ in ends)
    if metric.is_share:
        least, most = sorted((gain(0.0), gain(1.0)))
        top, bottom = min(top, most), max(bottom, least)
    bottom = max(bottom, worst - (top - worst) * 0.6)
    margin = 0.05 * max(top - bottom, 0.4 * style.visible(top, metric))
    return gain(bottom - margin), gain(top + margin)


def _marks(
    run: Run, summaries: Summaries, measured: Sequence[Summary], limits: tuple[float, float]
) -> list[_Mark]:
    """Of all measured variants, the largest file first, so that small marks lie on large ones."""
    low, high, looks, gain = *limits, style.looks(run), run.headline.gain
    largest = max(s.size_bytes or 0 for s in measured)
    found = []
    for s in sorted(measured, key=lambda s: -(s.size_bytes or 0)):
        assert s.quality and s.p50_ns
        is_below = gain(s.quality.value) < gain(low)
        y = low + 0.025 * (high - low) if is_below else s.quality.value
        area = _BELOW_AREA if is_below else _area((s.size_bytes or 0) / largest, len(measured))
        label = style.short(s.variant) + (" (baseline)" if s.variant == run.baseline else "")
        label += f": {run.headline.text(s.quality.value, 1)}" if is_below else ""
        flags = (is_below, is_ahead(summaries, s), is_surely_ahead(summaries, s))
        family = last_step(run, s.variant)
        where = (s.p50_ns, y, style.drawable(s.quality), area)
        found.append(_Mark(s, family, looks[family], *where, *flags, label))
    return found


def _area(share: float, count: int) -> float:
    """Of a mark: proportional to bytes above a visible least."""
    return _LEAST_AREA + _OF_BYTES[count > _MOST_BARS] * share


def _draw(axes: Axes, families: Iterable[str], marks: Sequence[_Mark]) -> None:
    for name in families:  # all of a family at once: a thousand of them are drawn fast
        for is_below in (False, True):
            some = [
                m for m in marks if m.family == name and m.is_below == is_below and not m.is_ahead
            ]
            if some:
                x, y, areas = zip(*((m.x, m.y, m.area) for m in some), strict=True)
                edge = {"edgecolors": "white", "linewidths": 0.6}
                axes.scatter(x, y, areas, alpha=0.4, zorder=4, **some[0].style, **edge)
    for m in marks:
        colour = m.style["color"]
        if not m.is_below and (m.is_ahead or len(marks) <= _MOST_BARS):
            alpha = 0.9 if m.is_ahead else 0.3
            axes.plot([m.x] * 2, m.quality[1:], color=colour, lw=1.1, alpha=alpha, zorder=3)
        if m.is_ahead:
            edge = {"mec": "white", "mew": 0.6, "ls": "none", "zorder": 5}
            axes.plot([m.x], [m.y], ms=sqrt(m.area), **m.style, **edge)
            _ring(axes, m)


def _ring(axes: Axes, m: _Mark) -> None:
    """Whole where it is on the front, dotted where it may be."""
    area = (sqrt(m.area) + _RING) ** 2
    line: Any = {"edgecolors": style.INK, "facecolors": "none", "zorder": 6}
    line |= {"linewidths": 1.2, "linestyles": "solid" if m.is_sure else "dotted"}
    axes.scatter([m.x], [m.y], area, marker="o", **line)


def _names(figure: Figure, axes: Axes, marks: Sequence[_Mark], baseline: str) -> None:
    """Names beside their marks, joined by a line where that is far."""
    named = evenly([m for m in marks if m.is_ahead], _MOST_NAMED)
    others = [m for m in marks if not m.is_ahead]
    named += [m for m in others if len(marks) <= _ALL_NAMED or m.summary.variant == baseline]
    boxes = {m.summary.variant: _box(axes, m) for m in marks}
    pixels = figure.dpi / 72
    # DejaVu Sans at 9 points: 5 points a character are enough, and asking is slow
    sizes = [(len(m.label) * 5 * pixels, 11 * pixels) for m in named]
    own = [boxes.pop(m.summary.variant) for m in named]
    window = axes.get_window_extent()
    inside = Box(window.x0, window.y0, window.x1, window.y1)
    places = place(own, sizes, inside, [*boxes.values(), *(_bar(axes, m) for m in named)])
    back = axes.transData.inverted()
    line = {"arrowstyle": "-", "color": style.FAINT, "lw": 0.7, "shrinkA": 0, "shrinkB": 3}
    for m, mark, box in zip(named, own, places, strict=True):
        is_far = mark.gap(box) > _JOINED * pixels
        weight = "bold" if m.summary.variant == baseline else "normal"
        font: Any = {
            "ha": "center",
            "va": "center",
            "fontsize": 9,
            "fontweight": weight,
            "zorder": 7,
        }
        halo = [withStroke(linewidth=2.5, foreground="white")]
        where: Any = back.transform(box.centre)
        axes.annotate(
            m.label,
            (m.x, m.y),
            where,
            arrowprops=line if is_far else None,
            path_effects=halo,
            **font,
        )


def _box(axes: Axes, m: _Mark) -> Box:
    side = (sqrt(m.area) + _RING) * axes.figure.dpi / 72
    x, y = axes.transData.transform((m.x, m.y))
    return around(float(x), float(y), side, side)


def _bar(axes: Axes, m: _Mark) -> Box:
    low, high = (axes.transData.transform((m.x, y)) for y in m.quality[1:])
    return Box(low[0] - 2, low[1], low[0] + 2, high[1])


def _key(figure: Figure, run: Run, marks: Sequence[_Mark]) -> None:
    """What colours and areas mean."""
    families = style.family_key(run, (m.family for m in marks), markers=True)
    tight = {"handletextpad": 0.1, "columnspacing": 0.9, "fontsize": 9}
    corner = {"loc": "lower left", "bbox_to_anchor": (0.07, 0.055)}
    figure.legend(handles=families, ncols=8, **corner, **tight)
    largest = max(m.summary.size_bytes or 0 for m in marks)
    sizes = [Line2D([], [], ls="none", label="area: bytes of the file")]
    for share in (0.05, 0.3, 1):
        size = sqrt(_area(share, len(marks)))
        line = Line2D([], [], ls="none", marker="o", color="#bbbbbb", ms=size)
        line.set_label(units.bytes_text(share * largest))
        sizes.append(line)
    figure.legend(handles=sizes, loc="lower left", ncols=4, bbox_to_anchor=(0.05, 0.0))
