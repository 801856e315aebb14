"""Histories -> training curves; with many variants a row of panels for each family."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from compbench.report.pictures import style
from compbench.report.pictures.selection import evenly
from compbench.results.record import Run
from compbench.results.row_index import Rows
from compbench.statistics.lineage import last_step

_MOST_LINES = 10  # of one panel
_LINES = [
    {"linestyle": dash, "color": colour} for dash, colour in product(("-", "--"), style.COLOURS)
]


@dataclass(frozen=True)
class _Curve:
    """One variant's training, the mean over seeds."""

    epochs: NDArray
    loss: NDArray
    accuracy: NDArray
    chosen: tuple[int, ...]  # the epoch that each seed kept


def training_curves(run: Run, rows: Rows) -> Figure:
    """Training loss and validation accuracy by epoch."""
    trained = [v for v in run.variants if any(r.samples for r in rows.of(v, "history"))]
    if len(trained) <= _MOST_LINES:
        return _one_panel(run, rows, trained)
    by_family = {f: [v for v in trained if last_step(run, v) == f] for f in style.looks(run)}
    return _by_family(run, rows, {f: names for f, names in by_family.items() if names})


def _one_panel(run: Run, rows: Rows, trained: list[str]) -> Figure:
    figure = style.canvas(4.5 + 0.22 * (len(trained) // 4))
    left, right = figure.subplots(1, 2)
    curves = {v: _curve(rows, v) for v in trained}
    for (variant, curve), line in zip(curves.items(), _LINES, strict=False):
        _draw(left, right, curve, {**line, "label": style.short(variant)})
    _finish(left, right, list(curves.values()))
    left.set_title("training loss (each technique's own)")
    right.set_title("validation accuracy (dot: the epoch kept)")
    for axes in (left, right):
        axes.set_xlabel("epoch")
    style.heading(figure, f"{run.suite}: training")
    if trained:
        figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _by_family(run: Run, rows: Rows, families: dict[str, list[str]]) -> Figure:
    figure = style.canvas(1.2 + 2.0 * len(families), (0.85, 2.45, 0.65, 0.5))
    figure.subplots_adjust(wspace=0.28, hspace=0.2)
    grid = figure.subplots(len(families), 2, squeeze=False)
    has_baseline = any(r.samples for r in rows.of(run.baseline, "history"))
    reference = _curve(rows, run.baseline) if has_baseline else None
    for (name, variants), (left, right) in zip(families.items(), grid, strict=True):
        drawn = evenly(variants, len(style.COLOURS))
        curves = [_curve(rows, v) for v in drawn]
        for variant, curve, line in zip(drawn, curves, _LINES, strict=False):
            _draw(left, right, curve, {**line, "label": style.short(variant)})
        if reference and run.baseline not in drawn:
            grey = {"color": style.FAINT, "linewidth": 1, "zorder": 1}
            _draw(left, right, reference, {**grey, "label": f"{run.baseline} (baseline)"})
        _finish(left, right, curves)
        left.set_ylabel(name, fontweight="bold")
        left_out = len(variants) - len(drawn)
        title = f"{len(drawn)} of {len(variants)} {name}:" if left_out else None
        beside = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5), "alignment": "left"}
        font = {"fontsize": 8.5, "title_fontsize": 8.5, "labelspacing": 0.25}
        right.legend(title=title, **beside, **font)
    grid[0][0].set_title("training loss (each technique's own)")
    grid[0][1].set_title("validation accuracy (dot: the epoch kept)")
    style.heading(figure, f"{run.suite}: training, by family")
    for axes in grid[-1]:
        axes.set_xlabel("epoch")
    return figure


def _curve(rows: Rows, variant: str) -> _Curve:
    found = [r for r in rows.of(variant, "history") if r.samples]
    loss, accuracy = (
        [np.asarray(r.samples[column]) for r in found]
        for column in ("train_loss", "validation_accuracy")
    )
    count = min(len(values) for values in loss)
    return _Curve(
        np.asarray(found[0].samples["epoch"])[:count],
        np.mean([values[:count] for values in loss], axis=0),
        np.mean([values[:count] for values in accuracy], axis=0),
        tuple(int(r.value) for r in found if r.value is not None),
    )


def _draw(left: Axes, right: Axes, curve: _Curve, line: dict) -> None:
    lone = {"marker": "_", "markersize": 12} if len(curve.epochs) == 1 else {}
    left.plot(curve.epochs, curve.loss, **line, **lone)
    right.plot(curve.epochs, curve.accuracy, **line, **lone)
    kept = np.flatnonzero(np.isin(curve.epochs, curve.chosen))
    size = 3 if line.get("zorder") else 4.5
    right.plot(curve.epochs[kept], curve.accuracy[kept], "o", color=line["color"], ms=size)


def _finish(left: Axes, right: Axes, curves: list[_Curve]) -> None:
    """Axes that show the curves of this panel, whatever the reference needs."""
    for axes in (left, right):
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
        last = max((int(c.epochs[-1]) for c in curves), default=1)
        axes.set_xlim(1 - 0.05 * max(last - 1, 1), last + 0.05 * max(last - 1, 1))
    losses = np.concatenate([c.loss for c in curves] or [np.ones(1)])
    positive = losses[losses > 0]
    if len(positive) and positive.max() < np.inf:
        low, high = positive.min() / 1.3, positive.max() * 1.3
        style.log_axis(left.yaxis, float(low), float(high), "")
    accuracies = np.concatenate([c.accuracy for c in curves] or [np.ones(1)])
    low = style.robust_low(accuracies)
    margin = max(0.08 * (accuracies.max() - low), 0.002)
    right.set_ylim(low - margin, min(accuracies.max() + margin, 1.002))
    style.percent_axis(right.yaxis)
