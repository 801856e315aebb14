"""In all pictures a colour is a family, and captions count what is drawn."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure

from compbench.report.pictures import style
from compbench.report.pictures.classes import class_heat_map, confusion_bars
from compbench.report.pictures.label_placement import spread
from compbench.report.pictures.scatter import pareto_scatter
from compbench.report.pictures.speed import latency_hills, size_and_speed
from compbench.report.pictures.teaching import soft_label_bars, temperature_curves
from compbench.report.pictures.training import training_curves
from compbench.results.record import Run
from compbench.results.row import Row
from compbench.results.row_index import Rows
from tests.factory import RUN, RUN_ROWS, TARGET, lineage, make_run, variant_rows
from tests.picture_rows import dataset_rows, errors_row
from tests.report.test_pictures import (
    CROWD,
    NEW_ROWS,
    SUMMARIES,
    _style,  # noqa: F401
    dashes,
    pictures_of,
    sweep,
)


def colours(figure: Figure) -> set[str]:
    """Of all that has one: greys are neutral, and black is a family's."""
    found: list[Any] = []
    for axes in figure.findobj(Axes):
        found += [line.get_color() for line in axes.lines]
        for patch in axes.patches:
            found += [patch.get_facecolor(), patch.get_edgecolor()]
        for each in axes.collections:
            found += [*each.get_facecolor(), *each.get_edgecolor()]
    for legend in figure.legends:
        lines = [x for x in legend.get_lines() if x.get_marker() not in ("None", "")]
        found += [line.get_color() for line in lines]  # those of text alone are not seen
        found += [patch.get_facecolor() for patch in legend.get_patches()]
    kept = [to_rgba(colour) for colour in found]
    visible = [c for c in kept if c[3] > 0]
    return {to_hex(c) for c in visible if len({round(x, 3) for x in c[:3]}) > 1}


def families(run: Run, *names: str) -> set[str]:
    return {style.looks(run)[name].colour.lower() for name in names}


@cache
def coloured() -> dict[str, tuple[Figure, set[str]]]:
    """Pictures, and the colours of the families that they show; black is not looked at."""
    run, rows, summaries = CROWD
    swept, swept_rows = sweep()
    crowd_of = families(run, "distilled", "pruned", "low rank")
    few = families(RUN, "distilled", "pruned")
    taught = families(RUN, "distilled")
    with rc_context(style.STYLE):
        return {
            "training": (training_curves(run, Rows(rows)), crowd_of),
            "few": (training_curves(RUN, Rows(RUN_ROWS)), few),
            "scatter": (pareto_scatter(run, summaries, TARGET), crowd_of),
            "hills": (latency_hills(run, Rows(rows), summaries, TARGET), crowd_of),
            "bars": (size_and_speed(run, summaries, TARGET), crowd_of),
            "temperature": (temperature_curves(swept, Rows(swept_rows), TARGET), taught),
            "soft labels": (soft_label_bars(RUN, Rows(NEW_ROWS), TARGET), taught),
            "confusions": (confusion_bars(RUN, Rows(NEW_ROWS), SUMMARIES, TARGET, 6), taught),
        }


@pytest.mark.parametrize("name", coloured())
def test_a_colour_is_a_family_in_every_picture(name: str) -> None:
    figure, shown_families = coloured()[name]
    assert colours(figure) == shown_families


def test_each_curve_has_its_family_s_colour_and_its_name() -> None:
    (left, right) = training_curves(RUN, Rows(RUN_ROWS)).axes
    looks = style.looks(RUN)
    wanted = {
        "teacher (baseline)": looks["trained"].colour,
        "student": looks["trained"].colour,
        "student_kd": looks["distilled"].colour,
        "pruned": looks["pruned"].colour,
    }
    for axes in (left, right):
        drawn = {str(x.get_label()): x for x in axes.lines if x.get_label() in wanted}
        assert {name: line.get_color() for name, line in drawn.items()} == wanted
        assert dashes(drawn["teacher (baseline)"]) != dashes(drawn["student"])
    names = [t for t in right.texts if t.get_text() in wanted]
    assert len(names) == 4
    heights = sorted(t.get_position()[1] for t in names)
    assert min(np.diff(heights)) > 0.02  # none covers another


def test_bars_of_one_family_differ_in_their_fill() -> None:
    run = make_run({v: lineage() for v in ("a", "b", "c")})
    looks = style.bars(run, run.variants)
    assert len({look["edgecolor"] for look in looks.values()}) == 1
    assert len({(look["facecolor"], look["hatch"]) for look in looks.values()}) == 3


def test_loss_and_gain_have_no_family_s_colour() -> None:
    axes = class_heat_map(RUN, Rows(NEW_ROWS), SUMMARIES, TARGET).axes[0]
    ends = {to_hex(axes.images[0].cmap(x)) for x in (0.0, 1.0)}
    known = {look.colour.lower() for look in (*style._LOOKS.values(), *style._SPARE)}
    assert len(ends) == 2 and not ends & known
    assert style.FAINT not in known and style.INK not in known


@pytest.mark.parametrize(
    ("wanted", "gap", "places"),
    [
        ([0.5, 0.9], 0.1, [0.5, 0.9]),
        ([0.5, 0.5], 0.1, [0.45, 0.55]),
        ([0.9, 0.1, 0.88], 0.1, [0.94, 0.1, 0.84]),
        ([], 0.1, []),
    ],
)
def test_names_are_spread_as_near_as_they_can(
    wanted: list[float], gap: float, places: list[float]
) -> None:
    assert spread(wanted, gap) == pytest.approx(places)


def captions(run: Run, rows: list[Row]) -> dict[str, str]:
    return {picture.kind: picture.caption for picture in pictures_of(run, rows)}


def test_captions_count_what_is_drawn() -> None:
    """More variants, curves and pairs than a picture has room for."""
    run, rows, summaries = CROWD
    errors = [
        row
        for i in range(60)
        for row in [errors_row(f"v{i}", [(k, (k + 1 + k // 10) % 10) for k in range(min(i, 30))])]
    ]
    rows = [*rows, *dataset_rows(), *errors]
    said = captions(run, rows)
    curves = training_curves(run, Rows(rows)).axes[1::2]
    names = {t.get_text() for axes in curves for t in axes.texts if t.get_text().startswith("v")}
    assert f"{len(names)} of 60 trained variants are drawn." in said["training"]
    cells = class_heat_map(run, Rows(rows), summaries, TARGET).axes[0].texts
    assert f"for all {len(cells)} cells" in said["classes"]
    assert "24 of 60 variants are shown" in said["classes"]
    panels = confusion_bars(run, Rows(rows), summaries, TARGET, 6).axes
    bars = [t for axes in panels for t in axes.texts if t.get_text().startswith("+")]
    assert f": {len(bars)} of " in said["confusions"]
    assert "pairs of 6 variants" in said["confusions"]
    assert "more variants on the front are left out." in said["confusions"]


def test_captions_of_little_leave_nothing_out() -> None:
    said = captions(RUN, NEW_ROWS)
    assert "are drawn" not in said["training"]
    assert "for all 30 cells" in said["classes"]
    assert "left out" not in said["confusions"] and ": 2 pairs of 2 variants." in said["confusions"]


def test_a_caption_counts_the_sweeps_that_are_drawn() -> None:
    taught = {
        f"kd{net}_{t}": lineage("distill", "teacher", model=f"net{net}")
        | {"options": {"temperature": float(t)}}
        for net in range(7)
        for t in (1, 2, 4)
    }
    run = make_run({"teacher": lineage(), **taught})
    rows = [r for v in run.variants for r in variant_rows(run, v)]
    assert "5 of 7 sweeps are drawn." in captions(run, rows)["temperature"]
    lines = temperature_curves(run, Rows(rows), TARGET).axes[0].lines
    marks = {str(line.get_marker()) for line in lines if np.size(line.get_xdata()) == 3}
    assert len(marks & {*"osD^v"}) == 5
