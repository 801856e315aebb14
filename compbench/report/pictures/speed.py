"""Rows -> how latencies are distributed, and size and speed as bars."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from compbench import units
from compbench.report.pictures import style
from compbench.report.pictures.selection import font, shown
from compbench.results.record import Run
from compbench.results.row_index import Rows
from compbench.statistics.lineage import last_step
from compbench.statistics.summary import Summaries, Summary

_BINS, _KEY_COLUMNS = 160, 6
_P99: Any = (0, (1.2, 1.0))  # dots: a colour would be a family's
_PERCENTILES = (0.45, 0.45, 0.86), (_P99, "-", "-")  # heights, dashes


def latency_hills(run: Run, rows: Rows, summaries: Summaries, target: str) -> Figure:
    """The distribution of each variant's kept runs, the fastest first, with its percentiles.

    Heights are square roots of counts, so that the tails can be seen.
    """
    chosen, looks = shown(run, summaries, target).summaries, style.looks(run)
    durations = [_kept_ns(rows, s) for s in chosen]
    figure = _canvas(run, chosen, right=2.6)
    axes = figure.subplots()
    low = min(float(d.min()) for d in durations)
    high = max(float(np.quantile(d, 0.995)) for d in durations)
    edges = np.geomspace(low / 1.03, high * 1.05, _BINS + 1)
    style.log_axis(axes.xaxis, edges[0], edges[-1], "ns")
    for i, (s, values) in enumerate(zip(chosen, durations, strict=True)):
        heights = np.histogram(values, edges)[0].astype(float)
        heights = 0.82 * np.sqrt(heights / max(heights.max(), 1))
        colour = looks[last_step(run, s.variant)].colour
        axes.stairs(i - heights, edges, baseline=i, fill=True, color=colour, alpha=0.5, zorder=2)
        p90, p99 = (found and found.value for found in (s.p90_ns, s.p99_ns))
        for mark, end, dash in zip((p99, p90, s.p50_ns), *_PERCENTILES, strict=True):
            if mark is not None:
                axes.plot([mark, mark], [i, i - end], color=style.INK, ls=dash, lw=1.5, zorder=3)
        texts = (s.p50_ns, p90, p99, float(values.max()))
        _columns(axes, i, [units.time_text(ns) for ns in texts])
    _columns(axes, -1.0, ["p50", "p90", "p99", "slowest"], fontweight="bold")
    _name_rows(axes, run, summaries, chosen)
    axes.set_ylim(len(chosen) - 0.75, -1.1)
    batch = run.targets[target]["batch_sizes"][0]
    axes.set_xlabel(f"latency of one inference at batch {batch} (log scale)")
    style.heading(figure, f"{run.suite} on {target}: latency of every kept run")
    _key(figure, run, chosen, [("p50 (tall), p90", "-"), ("p99", _P99)])
    return figure


def size_and_speed(run: Run, summaries: Summaries, target: str) -> Figure:
    """Bytes of the file and packed, and the speed-up with its interval, the fastest first."""
    measured = shown(run, summaries, target).summaries
    chosen = sorted(measured, key=lambda s: -s.speedup.value if s.speedup else 0)
    figure = _canvas(run, chosen, right=0.2)
    left, right = figure.subplots(1, 2, sharey=True)
    looks = style.looks(run)
    colours = [looks[last_step(run, s.variant)].colour for s in chosen]
    places = np.arange(len(chosen))
    files, packed = (
        [getattr(s, name) or 0 for s in chosen] for name in ("size_bytes", "packed_bytes")
    )
    left.barh(places - 0.2, files, 0.38, color=colours)
    left.barh(places + 0.2, packed, 0.38, color=colours, alpha=0.4)
    _limit_bytes(left, [*files, *(p for p in packed if p)])
    for i, s in enumerate(chosen):
        _beside(left, i - 0.2, s.size_bytes, units.bytes_text(s.size_bytes))
        if s.packed_bytes:
            _beside(left, i + 0.2, s.packed_bytes, units.bytes_text(s.packed_bytes), faint=True)
    _speeds(right, chosen, colours, run.baseline)
    _name_rows(left, run, summaries, chosen)
    left.set_ylim(len(chosen) - 0.45, -0.6)
    style.heading(figure, f"{run.suite} on {target}: size and speed")
    left.set_title("bytes of the file; pale: packed with zstd")
    right.set_title(f"speed-up against {style.short(run.baseline)}, 95 % interval")
    _key(figure, run, chosen, [])
    return figure


def _speeds(axes: Axes, chosen: Sequence[Summary], colours: list[str], baseline: str) -> None:
    """Bars from 1×, to the left where it is slower; a logarithmic axis is fair to both."""
    known = [(i, s.speedup) for i, s in enumerate(chosen) if s.speedup]
    ends = [end for _, speedup in known for end in speedup] + [1.0]
    low, high = min(ends), max(ends)
    span = max(high / low, 1.2)
    style.log_axis(axes.xaxis, low / span**0.06, high * span**0.42, "×")
    axes.axvline(1, color=style.INK, lw=1)
    for i, speedup in known:
        axes.barh(i, speedup.value - 1, 0.6, left=1, color=colours[i])
        axes.plot(speedup[1:], [i, i], color="white", lw=3.2, solid_capstyle="butt")
        axes.plot(speedup[1:], [i, i], color=style.INK, lw=1.4, solid_capstyle="butt")
        s = chosen[i]
        cell = units.speed_cell(speedup, s.faster)
        label = "baseline" if s.variant == baseline else cell
        _beside(axes, i, max(speedup.high, 1), label)
    for i, s in enumerate(chosen):
        if not s.speedup:
            _beside(axes, i, 1, "too few launches")
    axes.tick_params(left=False)
    axes.grid(visible=False, axis="y")


def _limit_bytes(axes: Axes, values: Sequence[float]) -> None:
    low, high = min(values), max(values)
    if high < 20 * low:
        axes.set_xlim(0, 1.28 * high)
        ticks = MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]).tick_values(0, high)
        ticks = [t for t in ticks if 0 <= t <= high]  # few, for their labels are wide
        axes.set_xticks(ticks, [style.quantity(t, "B") if t else "0" for t in ticks])
        return
    span = high / low
    style.log_axis(axes.xaxis, low / span**0.12, high * span**0.3, "B")
    axes.set_xlabel("log scale")


def _beside(axes: Axes, y: float, x: float | None, label: str, *, faint: bool = False) -> None:
    colour = "#666666" if faint else style.INK
    axes.annotate(label, (x or 0, y), xytext=(4, 0), textcoords="offset points", va="center",
                  in_layout=False, fontsize=8, color=colour)  # fmt: skip


def _columns(axes: Axes, y: float, texts: Sequence[str], **font: Any) -> None:
    """Figures in four columns to the right of the axes."""
    for column, content in enumerate(texts):
        place = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
        place |= {"xytext": (52 + 43 * column, 0), "annotation_clip": False}
        axes.annotate(content, (1, y), ha="right", va="center", fontsize=8.5, **place, **font)


def _name_rows(axes: Axes, run: Run, summaries: Summaries, chosen: Sequence[Summary]) -> None:
    axes.set_yticks(range(len(chosen)), _labels(run, chosen), fontsize=9)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    for label, s in zip(axes.get_yticklabels(), chosen, strict=True):
        label.set(**font(summaries, s))


def _key(figure: Figure, run: Run, chosen: Sequence[Summary], more: list[tuple[str, Any]]) -> None:
    handles = style.family_key(run, (last_step(run, s.variant) for s in chosen), markers=False)
    for label, dash in more:
        handles.append(Line2D([], [], label=label, color=style.INK, ls=dash, lw=1.8))
    handles.append(Line2D([], [], ls="none", label="bold: Pareto front, italic: perhaps"))
    figure.legend(
        handles=style.by_rows(handles, _KEY_COLUMNS),
        loc="lower center",
        ncols=_KEY_COLUMNS,
        handletextpad=0.5,
        columnspacing=1.3,
        handlelength=1.2,
    )


def _labels(run: Run, chosen: Sequence[Summary]) -> list[str]:
    ends = {run.baseline: " (baseline)"}
    return [style.short(s.variant) + ends.get(s.variant, "") for s in chosen]


def _canvas(run: Run, chosen: Sequence[Summary], right: float) -> Figure:
    """A figure with a line for each variant, and room for their names and the key."""
    row = 0.42 if len(chosen) <= 12 else 0.32
    left = style.width_of(_labels(run, chosen))
    families = {last_step(run, s.variant) for s in chosen}
    bottom = 0.65 + 0.2 * ceil((len(families) + 3) / _KEY_COLUMNS)
    return style.canvas(0.6 + bottom + row * len(chosen), (left, right, 0.6, bottom))


def _kept_ns(rows: Rows, s: Summary) -> NDArray[np.int64]:
    found = rows.of(s.variant, "latency_ns", s.target)
    return np.concatenate([r.samples["duration_ns"][r.samples["kept"] == 1] for r in found])
