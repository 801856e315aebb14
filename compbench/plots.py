"""Summaries -> pictures (PNG bytes), in one style; legible on dark pages, colour-blind safe."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import count
from math import ceil
from typing import Any

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator, PercentFormatter

from compbench import text
from compbench.results import Run
from compbench.stats import Rows
from compbench.summaries import Summaries, Summary

# Okabe and Ito's palette, "Color Universal Design", 2008; yellow is left out (too pale on white)
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_LINES = ("-", "--", ":", "-.")
_MARKERS = ("o", "s", "D", "^", "v", "P", "X", "h", "<", ">")
_NAMES_IN_A_ROW, _NAMES_IN_A_COLUMN = 4, 16  # of a legend, which grows with the variants
_STYLE: Any = {
    "figure.facecolor": "white",
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "font.size": 10,
    "legend.frameon": False,
}


def pictures(run: Run, rows: Rows, summaries: Summaries) -> dict[str, bytes]:
    """File name -> PNG bytes, the same bytes for the same rows."""
    with plt.rc_context(_STYLE):
        figures = {"training.png": training_curves(run, rows)}
        for target in {s.target for s in summaries.all if s.p50_ns}:
            figures[f"pareto-{target}.png"] = pareto_scatter(run, summaries, target)
        return {name: _png(figure) for name, figure in figures.items()}


def training_curves(run: Run, rows: Rows) -> Figure:
    """Training loss and validation error by epoch, the mean over seeds, teacher and students."""
    trained = [v for v in run.variants if rows.of(v, "history")]
    size = (10, 4.2 + 0.23 * max(0, ceil(len(trained) / _NAMES_IN_A_ROW) - 2))
    figure, (loss_axes, accuracy_axes) = plt.subplots(1, 2, figsize=size, layout="constrained")
    for index, variant in enumerate(trained):
        histories = [r for r in rows.of(variant, "history") if r.samples]
        if not histories:
            continue
        style = {
            "color": _COLOURS[index % len(_COLOURS)],
            "linestyle": _LINES[index // len(_COLOURS) % len(_LINES)],
            "linewidth": 1.6,
        }
        epochs = histories[0].samples["epoch"]
        loss, right = (
            np.mean([r.samples[column] for r in histories], axis=0)
            for column in ("train_loss", "validation_accuracy")
        )
        loss_axes.plot(epochs, loss, **style)
        accuracy_axes.plot(epochs, right, label=variant, **style)
        chosen = [int(r.value) for r in histories if r.value is not None]
        accuracy_axes.plot(chosen, right[np.array(chosen) - 1], "o", color=style["color"], ms=4)
    loss_axes.set(xlabel="epoch", ylabel="training loss (each technique's own)", yscale="log")
    accuracy_axes.set(xlabel="epoch", ylabel="validation accuracy")
    _accuracy_axis(accuracy_axes, [s for line in accuracy_axes.lines for s in line.get_ydata()])
    if accuracy_axes.lines:
        figure.legend(loc="outside lower center", ncols=_NAMES_IN_A_ROW)
    return figure


def pareto_scatter(run: Run, summaries: Summaries, target: str) -> Figure:
    """Accuracy against p50 latency; area by bytes, the Pareto front as a line."""
    shown = [s for s in summaries.of(target) if s.accuracy and s.p50_ns]
    columns = max(1, ceil(len(shown) / _NAMES_IN_A_COLUMN))
    size = (9.5 + 2.6 * (columns - 1), 5)
    figure, axes = plt.subplots(figsize=size, layout="constrained")
    for s, style in zip(shown, _marks(), strict=False):
        _point(axes, s, style, _largest_bytes(shown))
    front = sorted(
        (s.p50_ns or 0, s.accuracy.value)
        for s in shown
        if s.accuracy and (s.variant, target) in summaries.on_front
    )
    if front:
        x, y = zip(*front, strict=True)
        axes.plot(
            x, y, color="#555555", linewidth=1, linestyle="--", zorder=1, label="Pareto front"
        )
    batch = run.targets[target]["batch_sizes"][0]
    axes.set(
        xscale="log",
        xlabel=f"p50 latency on {target} at batch {batch} (log scale)",
        ylabel="test accuracy, with 95 % interval",
        title=f"{run.suite}: up and left is better, a smaller mark is a smaller file",
    )
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: text.time_text(value)))
    axes.xaxis.set_minor_locator(NullLocator())
    _accuracy_axis(axes, [])
    figure.legend(loc="outside right center", fontsize=9, labelspacing=0.9, ncols=columns)
    return figure


def _marks() -> Iterator[dict[str, Any]]:
    """Colour and shape together tell variants apart; neither alone has to."""
    for index in count():
        yield {"color": _COLOURS[index % len(_COLOURS)], "marker": _MARKERS[index % len(_MARKERS)]}


def _point(axes: Axes, s: Summary, style: dict[str, Any], largest_bytes: float) -> None:
    assert s.accuracy and s.p50_ns and s.size_bytes
    value, low, high = s.accuracy
    errors = [[value - low], [high - value]]
    axes.errorbar(s.p50_ns, value, errors, color=style["color"], alpha=0.45, linewidth=1)
    # the mark in the picture has the file's area, the one in the legend the same for all
    area = 30 + 400 * s.size_bytes / largest_bytes
    axes.scatter(s.p50_ns, value, s=area, alpha=0.85, edgecolors="white", zorder=3, **style)
    label = f"{s.variant} ({text.bytes_text(s.size_bytes)})"
    axes.scatter([], [], s=50, edgecolors="white", label=label, **style)


def _largest_bytes(summaries: list[Summary]) -> float:
    return max((s.size_bytes or 0 for s in summaries), default=1)


def _accuracy_axis(axes: Axes, values: list[float]) -> None:
    """Percent, and no more of the axis than the later epochs need."""
    axes.yaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    if values:
        low = float(np.quantile(values, 0.15))
        axes.set_ylim(max(0.0, low - 0.02), min(1.002, max(values) + 0.005))


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130, metadata={"Software": None})
    plt.close(figure)
    return buffer.getvalue()
