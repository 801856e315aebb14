"""One style for all pictures: a white card with dark text, in colours that all can tell apart."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle
from math import isfinite, log10
from typing import Any

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axis import Axis, XAxis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from compbench.headline import Headline
from compbench.results.record import Run
from compbench.statistics.intervals import Interval
from compbench.statistics.lineage import last_step

# Okabe and Ito's palette, "Color Universal Design", 2008; yellow is left out (too pale on white)
BLACK, BLUE, RED, GREEN, PURPLE, ORANGE, SKY = (
    *("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"),
)
INK, FAINT, GRID = "#222222", "#8a8a8a", "#e2e2e2"
STYLE: Any = {
    "figure.facecolor": "white",
    "figure.dpi": 130,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.axisbelow": True,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "font.size": 10,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.linewidth": 1.7,
}
WIDTH = 9.0  # inches, of every picture
_MOST_TITLE, _MOST_NAME = 84, 30  # characters


def canvas(height: float, margins: tuple[float, float, float, float] | None = None) -> Figure:
    """An empty figure of the common width; heights and margins in inches.

    `margins` (left, right, top, bottom) are for pictures of much text, where asking matplotlib to
    find room takes longer than drawing.
    """
    if margins is None:
        return Figure(figsize=(WIDTH, height), layout="constrained")
    left, right, top, bottom = margins
    figure = Figure(figsize=(WIDTH, height))
    figure.subplots_adjust(
        left / WIDTH, bottom / height, 1 - right / WIDTH, 1 - top / height, wspace=0.06
    )
    return figure


def width_of(names: Iterable[str]) -> float:
    """Inches that the longest of these takes at 9 points, in bold."""
    return 0.077 * max((len(name) for name in names), default=0) + 0.15


def png(figure: Figure) -> bytes:
    """The picture's bytes; the only metadata is the version that they depend on."""
    buffer = io.BytesIO()
    software = f"Matplotlib version {matplotlib.__version__}"
    # Figure.savefig would lay out and draw everything twice
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": software})
    return buffer.getvalue()


@dataclass(frozen=True)
class Look:
    """How a family of techniques looks in every picture."""

    colour: str
    marker: str


# these words look the same in every report; a family of another word gets the next of `_SPARE`
_LOOKS = {
    "trained": Look(BLACK, "s"),
    "distilled": Look(BLUE, "o"),
    "pruned": Look(RED, "D"),
    "low rank": Look(GREEN, "v"),
    "shared weights": Look(PURPLE, "^"),
    "quantized": Look(ORANGE, "P"),
    "half precision": Look(SKY, "X"),
}
# of Paul Tol's "muted" scheme
_SPARE = (
    Look("#882255", "h"),
    Look("#332288", "p"),
    Look("#999933", "*"),
    Look("#44AA99", "d"),
    Look("#AA4499", "8"),
)
# from loss to gain: ends that no family has (ColorBrewer's BrBG, which the colour-blind can tell)
LOSS, GAIN = "#8c510a", "#01665e"
# what tells the variants of one family apart
DASHES: tuple[Any, ...] = (
    "-",
    (0, (4, 1.5)),
    (0, (1, 1)),
    (0, (6, 1.2, 1, 1.2)),
    (0, (9, 2)),
    (0, (4, 1, 1, 1, 1, 1)),
    (0, (2, 2.5)),
)
_FILLS = ("solid", "hollow", "hatched")


def looks(run: Run) -> dict[str, Look]:
    """The families of a run's variants in the order of legends, and how each one looks."""
    there = list(dict.fromkeys(last_step(run, variant) for variant in run.variants))
    known = {name: look for name, look in _LOOKS.items() if name in there}
    others = (name for name in there if name not in _LOOKS)
    return known | dict(zip(others, cycle(_SPARE), strict=False))


def lines(run: Run, variants: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Each one's line: its family's colour, and a dash that none before it in the family has."""
    known, taken = looks(run), dict.fromkeys(looks(run), 0)
    found = {}
    for variant in variants:
        family = last_step(run, variant)
        dash = DASHES[taken[family] % len(DASHES)]
        taken[family] += 1
        found[variant] = {"color": known[family].colour, "linestyle": dash}
    return found


def bars(run: Run, variants: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Each one's bar: its family's colour; a second of the family is hollow, a third hatched."""
    known, taken = looks(run), dict.fromkeys(looks(run), 0)
    found = {}
    for variant in variants:
        family = last_step(run, variant)
        colour, fill = known[family].colour, _FILLS[taken[family] % len(_FILLS)]
        taken[family] += 1
        edge = {"edgecolor": colour, "linewidth": 0.9}
        face = colour if fill == "solid" else "white"
        hatch = "/////" if fill == "hatched" else ""
        found[variant] = {"facecolor": face, "hatch": hatch, **edge}
    return found


def family_key(run: Run, families: Iterable[str], *, markers: bool) -> list[Line2D]:
    """A legend's entries for these of a run's families, in their order."""
    there = set(families)
    return [
        Line2D(
            *([], []),
            linestyle="none",
            marker=look.marker if markers else "s",
            color=look.colour,
            markersize=7,
            label=name,
        )
        for name, look in looks(run).items()
        if name in there
    ]


def log_ticks(low: float, high: float) -> list[float]:
    """Round values between two positive ones, at least three where round ones allow it."""
    decades = 10.0 ** np.arange(np.floor(log10(low)), np.ceil(log10(high)) + 1)
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
        values = [float(f"{d * s:.3g}") for d in decades for s in steps]
        inside = [value for value in values if low <= value <= high]
        if len(inside) >= (3 if steps == (1,) else 4):
            return inside
    ticks = MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [float(value) for value in ticks if low <= value <= high]


def log_axis(axis: Axis, low: float, high: float, unit: str) -> None:
    """A logarithmic axis from `low` to `high` with round ticks; `unit` is ns, B, × or nothing."""
    if isinstance(axis, XAxis):
        axis.axes.set(xscale="log", xlim=(low, high))
    else:
        axis.axes.set(yscale="log", ylim=(low, high))
    inner = (high / low) ** 0.03  # a tick's text at the very end would be cut
    axis.set_major_locator(FixedLocator(log_ticks(low * inner, high / inner)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: quantity(value, unit)))


def quantity(value: float, unit: str) -> str:
    """20 µs, 1.5 ms; 812 B, 30 KB; 2×; 0.1: a tick's text."""
    if unit in ("×", ""):
        return f"{value:g}{unit}"
    scales = {
        "ns": ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1, "ns")),
        "B": ((1e9, "GB"), (1e6, "MB"), (1e3, "KB"), (1, "B")),
    }[unit]
    scale, name = next((s for s in scales if value >= s[0]), scales[-1])
    return f"{value / scale:.4g} {name}"


def metric_axis(axis: Axis, headline: Headline) -> None:
    """Shares as percent, others as they are, with no more decimals than the ticks need."""
    axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    scale, unit = (100, " %") if headline.is_share else (1, "")
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{scale * value:.5g}{unit}"))


def metric_name(headline: Headline) -> str:
    """The metric with what is needed to read its axis: accuracy; RMSE (eV, lower is better)."""
    unit = "" if headline.is_share or headline.unit in headline.label else headline.unit
    better = "" if headline.better == "higher" else "lower is better"
    said = ", ".join(word for word in (unit, better) if word)
    return f"{headline.label} ({said})" if said else headline.label


def robust_worst(values: Iterable[float], headline: Headline) -> float:
    """Where an axis of the metric should end, so that a few bad ones don't flatten the others."""
    gains = np.array([headline.gain(value) for value in values])
    best = float(gains.max())
    spread = best - float(np.quantile(gains, 0.25))
    return headline.gain(max(float(gains.min()), best - max(2.5 * spread, visible(best, headline))))


def best_of(values: Iterable[float], headline: Headline) -> float:
    """The best of them."""
    return headline.gain(max(headline.gain(value) for value in values))


def visible(value: float, headline: Headline) -> float:
    """The least span of an axis about such a value: 1 pp, else 1 % of it."""
    return 0.01 if headline.is_share else 0.01 * abs(value)


def drawable(interval: Interval) -> Interval:
    """The same, of no width where it has no end, as that of a single sample: no bar is drawn."""
    value, low, high = interval
    return interval if isfinite(high - low) else Interval(value, value, value)


def heading(figure: Figure, title: str) -> None:
    """A bold line above everything, two where it is long."""
    lines = textwrap.fill(title, _MOST_TITLE)
    place: dict[str, Any] = {"x": 0.012, "ha": "left"}
    if figure.get_layout_engine() is None:
        place |= {"y": 1 - 0.1 / figure.get_figheight(), "va": "top"}
    figure.suptitle(lines, fontweight="bold", fontsize=11.5, **place)


def by_rows(handles: Sequence[Artist], columns: int) -> list[Artist]:
    """A legend's entries, so that it reads along its rows: matplotlib fills columns."""
    return [handle for first in range(columns) for handle in handles[first::columns]]


def short(name: str) -> str:
    """A variant's name, with its middle left out where it would take half the picture."""
    return name if len(name) <= _MOST_NAME else f"{name[:16]}…{name[-(_MOST_NAME - 17) :]}"
