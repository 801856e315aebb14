"""Rows -> what a teacher said and its students learnt, and what the temperature is worth."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import NDArray

from compbench.report.pictures import style
from compbench.report.pictures.selection import MOST_LABELS, MOST_SWEEPS, evenly
from compbench.results.record import Run
from compbench.results.row_index import Rows
from compbench.statistics.intervals import Interval
from compbench.statistics.lineage import last_step
from compbench.statistics.scores import metric_interval
from compbench.statistics.teaching import (
    Example,
    SoftLabels,
    TemperatureSeries,
    soft_labels,
    temperature_series,
)

_MARKERS = "osD^v"  # of sweeps
_DODGE = 1.03  # a sweep beside the next, so that their intervals do not cover each other
_GAP = 1.28  # between the rows of bars, whose tallest is 1
_SPLITS = {"score": "test", "validation_score": "validation"}


def soft_label_bars(run: Run, rows: Rows, target: str) -> Figure:
    """Test images, and each model's class probabilities at T = 1 and softened."""
    found = soft_labels(run, rows, target)
    assert found
    temperatures = list(dict.fromkeys((1.0, found.temperature)))
    count = len(found.examples)
    figure = style.canvas(1.3 + 1.02 * count)
    widths = (0.34, *[1] * len(temperatures))
    images, *panels = figure.subplots(1, len(widths), gridspec_kw={"width_ratios": widths})
    _show_images(images, found.examples)
    for axes, temperature in zip(panels, temperatures, strict=True):
        _show_bars(axes, found, temperature, style.bars(run, found.models))
        student = "" if temperature == 1 else ", as the student was taught"
        axes.set_title(f"T = {temperature:g}{student}")
    handles = [
        Patch(**look, label=f"{style.short(variant)} ({found.models[variant]})")
        for variant, look in style.bars(run, found.models).items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    style.heading(
        figure,
        f"{run.suite} on {target}: class probabilities (softmax of logits / T), seed {found.seed}",
    )
    return figure


def _show_images(axes: Axes, examples: tuple[Example, ...]) -> None:
    for row, example in enumerate(examples):
        bottom = -_GAP * row
        pixels = _pixels(example)
        high, wide = pixels.shape[:2]
        half = 0.5 * wide / high
        axes.imshow(pixels, cmap="gray", extent=(-half, half, bottom, bottom + 1), vmin=0, vmax=255)
        axes.text(
            0,
            bottom - 0.03,
            f"true: {example.label}",
            ha="center",
            va="top",
            in_layout=False,
            fontsize=8.5,
        )
    axes.set(xlim=(-0.6, 0.6), ylim=_height(len(examples)), aspect="equal", anchor="E")
    axes.axis("off")


def _pixels(example: Example) -> NDArray[np.uint8]:
    """(H, W, 3) of an image in colour, else (H, W)."""
    channels = example.pixels
    if len(channels) == 3:
        return channels.transpose(1, 2, 0)
    return channels.mean(axis=0).astype(np.uint8)


def _show_bars(
    axes: Axes, found: SoftLabels, temperature: float, looks: dict[str, dict[str, Any]]
) -> None:
    count = 0
    for row, example in enumerate(found.examples):
        bottom = -_GAP * row
        shares = {v: example.probabilities(v, temperature) for v in found.models}
        classes = _classes(example, shares)
        count = len(classes)
        place = classes.index(example.label)
        axes.add_patch(
            Rectangle((place - 0.5, bottom), 1, 1, color=style.GRID, linewidth=0, zorder=0)
        )
        for i, variant in enumerate(found.models):
            x = np.arange(count) + 0.27 * (i - 1)
            axes.bar(x, shares[variant][classes], 0.24, bottom, label=variant, **looks[variant])
        axes.plot([-0.5, count - 0.5], [bottom, bottom], color=style.FAINT, lw=0.8)
        for x, name in enumerate(classes):
            font = {"fontsize": 7.5, "fontweight": "bold" if x == place else "normal"}
            below = {"ha": "center", "va": "top", "in_layout": False}
            axes.text(x, bottom - 0.03, str(name), **below, **font)
    axes.set(xlim=(-0.6, count - 0.4), ylim=_height(len(found.examples)), xticks=[])
    ticks = [(-_GAP * row + share, share) for row in range(len(found.examples)) for share in (0, 1)]
    axes.set_yticks([y for y, _ in ticks], [f"{share:.0%}" for _, share in ticks], fontsize=7.5)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _height(count: int) -> tuple[float, float]:
    return -_GAP * (count - 1) - 0.25, 1.05


def _classes(example: Example, shares: dict[str, NDArray[np.float64]]) -> list[int]:
    """All classes, or those that a model thinks likeliest and the true one."""
    likeliest = np.max(list(shares.values()), axis=0)
    if len(likeliest) <= MOST_LABELS:
        return list(range(len(likeliest)))
    likeliest[example.label] = np.inf
    return sorted(np.argsort(-likeliest, kind="stable")[:MOST_LABELS].tolist())


def temperature_curves(run: Run, rows: Rows, target: str) -> Figure:
    """Test and validation metric by temperature, and the net without a teacher as a band."""
    found = evenly(temperature_series(run), MOST_SWEEPS)
    figure = style.canvas(4.3)
    panels = figure.subplots(1, 2, sharey=True)
    controls = list(dict.fromkeys(sweep.control for sweep in found if sweep.control))
    looks = style.lines(run, (sweep.points[0][1] for sweep in found))
    families = style.looks(run)
    for control, dash in zip(controls, style.DASHES[1:], strict=False):  # never a whole line
        colour = families[last_step(run, control)].colour
        looks[control] = {"color": colour, "linestyle": dash}
    for axes, (metric, split) in zip(panels, _SPLITS.items(), strict=True):
        for i, sweep in enumerate(found):
            look = {**looks[sweep.points[0][1]], "marker": _MARKERS[i]}
            beside = _DODGE ** (i - (len(found) - 1) / 2)
            _draw_sweep(axes, run, rows, sweep, (metric, target), look, beside)
        for control in controls:
            _draw_control(axes, run, rows, control, (metric, target), looks[control])
        temperatures = sorted({t for sweep in found for t, _ in sweep.points})
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(evenly(temperatures, 9)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set(
            xlabel="temperature T (log scale)", title=f"{split} {style.metric_name(run.headline)}"
        )
    style.metric_axis(panels[0].yaxis, run.headline)
    style.heading(figure, f"{run.suite} on {target}: students by the temperature of their teacher")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def _draw_sweep(
    axes: Axes,
    run: Run,
    rows: Rows,
    sweep: TemperatureSeries,
    where: tuple[str, str],
    look: dict[str, Any],
    beside: float,
) -> None:
    """A line with intervals, `beside` times its temperatures to the right."""
    measured = [(t, _quality(run, rows, v, where)) for t, v in sweep.points]
    known = [(t, a) for t, a in measured if a]
    if known:
        x = [t * beside for t, _ in known]
        values = [a.value for _, a in known]
        errors = np.array([(a.value - a.low, a.high - a.value) for _, a in known]).T
        label = f"{sweep.label}: taught"
        axes.errorbar(x, values, errors, ms=5, capsize=3, elinewidth=1.1, label=label, **look)


def _draw_control(
    axes: Axes,
    run: Run,
    rows: Rows,
    control: str,
    where: tuple[str, str],
    look: dict[str, Any],
) -> None:
    quality = _quality(run, rows, control, where)
    if quality is None:
        return
    axes.axhspan(quality.low, quality.high, color=look["color"], alpha=0.1, linewidth=0)
    label = f"{style.short(control)}: without a teacher, and its interval"
    axes.axhline(quality.value, lw=1.2, label=label, **look)


def _quality(run: Run, rows: Rows, variant: str, where: tuple[str, str]) -> Interval | None:
    found = rows.of(variant, *where)
    if not found:
        return None
    return style.drawable(metric_interval([r.samples["score"] for r in found], run.headline))
