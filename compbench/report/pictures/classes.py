"""Rows -> how quality changes by class, and which classes are newly confused."""

from __future__ import annotations

from itertools import groupby
from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from compbench.report.pictures import style
from compbench.report.pictures.selection import font, front, is_right_somewhere, shown
from compbench.results.record import Run
from compbench.results.row_index import Rows
from compbench.statistics.classes import ClassChanges, Confusion, added_confusions, class_changes
from compbench.statistics.lineage import last_step
from compbench.statistics.summary import Summaries

_MOST_PAIRS = 5  # of a variant
_ROOMY = 12  # classes beside each other with room for decimals
_LOSS_TO_GAIN = LinearSegmentedColormap.from_list("", (style.LOSS, "#ffffff", style.GAIN))


def class_heat_map(run: Run, rows: Rows, summaries: Summaries, target: str) -> Figure:
    """Variants by classes: the change against the baseline in percentage points."""
    chosen = shown(run, summaries, target, is_right_somewhere).summaries
    found = class_changes(run, rows, target, [s.variant for s in chosen])
    assert found
    points = np.array([[100 * c.files.value for c in row] for row in found.changes.values()])
    names = [style.short(variant) for variant in found.changes]
    figure = style.canvas(1.5 + 0.33 * len(points), (style.width_of(names), 0.1, 0.5, 0.75))
    axes = figure.subplots()
    # some bad variants don't take the colours from the others
    limit = max(float(np.quantile(np.abs(points).max(axis=1), 0.7)), 0.5)
    image = axes.imshow(
        points, cmap=_LOSS_TO_GAIN, norm=TwoSlopeNorm(0, -limit, limit), aspect="auto"
    )
    changes, is_roomy = list(found.changes.values()), len(found.classes) <= _ROOMY
    for (row, column), value in np.ndenumerate(points):
        is_clear = changes[row][column].side != 0
        digits = 0 if not is_roomy and abs(value) >= 10 else 1  # as wide as a narrow column allows
        label = f"{value:+.{digits}f}".replace("-", "−") if abs(value) >= 0.05 else "0"
        ink = style.FAINT if label == "0" else style.INK
        axes.text(
            column, row, label, ha="center", va="center",
            in_layout=False, fontsize=8 if is_roomy else 6.5,
            fontweight="bold" if is_clear else "normal",
            color="white" if abs(value) > 0.8 * limit else ink,
        )  # fmt: skip
    _name_classes(axes, found, run)
    axes.set_yticks(range(len(points)), names, fontsize=9)
    for variant, label in zip(found.changes, axes.get_yticklabels(), strict=True):
        label.set(**font(summaries, summaries.find(variant, target)))
    bar = figure.colorbar(image, ax=axes, pad=0.015, aspect=30, extend="both", extendfrac=0.03)
    bar.set_label("percentage points")
    bar.outline.set_visible(False)
    title = (
        f"{run.headline.label} by class against {style.short(run.baseline)}, in percentage points"
    )
    style.heading(figure, f"{run.suite} on {target}: {title}")
    return figure


def _name_classes(axes: Axes, found: ClassChanges, run: Run) -> None:
    is_roomy = len(found.classes) <= _ROOMY
    names = [
        f"{name}\n{100 * share:.{1 if is_roomy else 0}f} %"
        for name, share in zip(found.classes, found.baseline, strict=True)
    ]
    axes.set_xticks(range(len(names)), names, fontsize=9 if is_roomy else 7)
    axes.set_xlabel(
        f"true class, and what {style.short(run.baseline)} gets right of it "
        f"({_counts(found)} test {run.noun}s a class)"
    )
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _counts(found: ClassChanges) -> str:
    least, most = min(found.counts), max(found.counts)
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def confusion_bars(run: Run, rows: Rows, summaries: Summaries, target: str, most: int) -> Figure:
    """For variants on the front: the pairs with the most added errors, beside the baseline's."""
    ahead = front(run, summaries, target, most)
    groups = groupby(added_confusions(run, rows, target, ahead), key=lambda c: c.variant)
    found = {variant: list(pairs)[:_MOST_PAIRS] for variant, pairs in groups}
    columns = min(3, len(found))
    lines = ceil(len(found) / columns)
    figure = style.canvas(1.3 + 2.0 * lines)
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    most_images = max(pair.images for pairs in found.values() for pair in pairs)
    looks = style.looks(run)
    for axes, (variant, pairs) in zip(panels, found.items(), strict=False):
        _panel(axes, variant, pairs, looks[last_step(run, variant)].colour)
        axes.set_xlim(0, 1.2 * most_images)
    for axes in panels[len(found) :]:
        axes.axis("off")
    samples = run.dataset["samples"]["test"]
    style.heading(
        figure, f"{run.suite} on {target}: what is confused more often than by {run.baseline}"
    )
    handle = Line2D([], [], ls="none", marker="s", ms=8, color="#bbbbbb", label=run.baseline)
    coloured = style.family_key(run, (last_step(run, v) for v in found), markers=False)
    figure.legend(
        handles=[*coloured, handle],
        loc="outside lower center",
        ncols=8,
        title=f"true class → predicted class: how many of {samples:,} test {run.noun}s",
    )
    return figure


def _panel(axes: Axes, variant: str, pairs: list[Confusion], colour: str) -> None:
    places = np.arange(len(pairs))
    axes.barh(places - 0.2, [p.images for p in pairs], 0.4, color=colour)
    axes.barh(places + 0.2, [p.baseline_images for p in pairs], 0.4, color="#bbbbbb")
    for i, pair in enumerate(pairs):
        place = {"xytext": (3, 0), "textcoords": "offset points", "va": "center"}
        where = (pair.images, i - 0.2)
        axes.annotate(f"+{round(pair.added, 1):g}", where, **place, fontsize=8.5, in_layout=False)
    names = [f"{p.true_class} → {p.predicted_class}" for p in pairs]
    axes.set_yticks(places, names)
    axes.set_ylim(_MOST_PAIRS - 0.4, -0.6)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_title(style.short(variant))
