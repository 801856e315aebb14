"""A sweep's table, legend and pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compbench.report.pictures.sweeps import curve, heat_maps
from compbench.report.section import Page
from compbench.report.sections import sweeps as section
from compbench.results.record import Run
from compbench.results.row import Row
from compbench.results.row_index import Rows
from compbench.statistics.summarise import summarise
from compbench.statistics.sweeps import best, sweeps
from compbench.statistics.teaching import temperature_series
from tests.factory import TARGET, lineage, make_run, status_row, variant_rows

GRID = {(h, o): 70 + 5 * h + 3 * (o == "sgd") for h in (1, 2, 3) for o in ("adamw", "sgd")}


def point(sweep: str, **values: Any) -> dict[str, Any]:
    variant = lineage("distill", "teacher", model="mlp")
    return {**variant, "options": values, "sweep": {"sweep": sweep, "values": values}}


def made() -> tuple[Run, list[Row]]:
    temperatures = {f"s-temperature{t}": point("s", temperature=t) for t in (1, 4, 20)}
    grid = {f"g-h{h}-o{o}": point("g", hidden=[h], optimizer=o) for h, o in GRID}
    run = make_run({"teacher": lineage(), **temperatures, **grid})
    rows = variant_rows(run, "teacher", ns=20_000, right=99, validation=99)
    for name, (right, validation) in zip(temperatures, ((80, 90), (85, 92), (90, 91)), strict=True):
        rows += variant_rows(run, name, ns=9_000, right=right, validation=validation)
    for name, right in zip(grid, GRID.values(), strict=True):
        rows += variant_rows(run, name, ns=9_000, right=right, validation=right)
    return run, rows


def page(run: Run, rows: list[Row]) -> Page:
    return Page(run, Rows(rows), summarise(run, rows), target=TARGET)


def test_points_are_grouped_by_their_sweep() -> None:
    run, _ = made()
    one, grid = sweeps(run)
    assert (one.name, one.options, [*one.points.values()]) == (
        "s",
        ("temperature",),
        [(1,), (4,), (20,)],
    )
    assert (grid.options, grid.values(0), grid.values(1)) == (
        ("hidden", "optimizer"),
        [[1], [2], [3]],
        ["adamw", "sgd"],
    )
    assert not temperature_series(run), "it has a picture of its own"


def test_the_best_is_the_one_by_validation_and_its_number_is_told() -> None:
    run, rows = made()
    found = page(run, rows)
    chosen = best(sweeps(run)[0], found.summaries, TARGET, run)
    assert chosen is not None and chosen.variant == "s-temperature4"
    text = "\n".join(section.Section().content(found))
    assert "`s`, 3 points of 1 option:" in text and "`g`, 6 points of 2 options:" in text
    assert "**s-temperature4**" in text and "**s-temperature20**" not in text
    assert "`s-temperature4` with 92.00 %. It is the luckiest of 3" in text
    assert "| [3] | sgd" in " ".join(text.split())


def test_a_point_without_figures_says_why_and_a_sweep_without_any_is_not_shown() -> None:
    run, rows = made()
    rows = [row for row in rows if row.variant != "s-temperature20"]
    rows.append(status_row("s-temperature20", "the loss is nan"))
    text = "\n".join(section.Section().content(page(run, rows)))
    assert "the loss is nan" in text
    none = [row for row in rows if not row.variant.startswith("s-")]
    assert "`s`" not in "\n".join(section.Section().content(page(run, none)))


@pytest.mark.parametrize("which", [0, 1])
def test_pictures_have_every_point(which: int) -> None:
    run, rows = made()
    found = page(run, rows)
    kinds = [one.kind for one in section.Section().pictures(found)]
    assert kinds == ["sweep-s", "sweep-g"]
    sweep = sweeps(run)[which]
    figure = (curve, heat_maps)[which](run, found.summaries, TARGET, sweep)
    if which == 0:
        (axes,) = figure.axes
        labels = [text.get_text() for text in axes.get_legend().get_texts()]  # type: ignore[union-attr]
        assert labels == ["validation", "test, with 95 % intervals (3 points)"]
        assert axes.get_xscale() == "log"
        line = axes.lines[0]
        assert [*np.asarray(line.get_xdata(), float)] == [1, 4, 20]
        assert [*np.asarray(line.get_ydata(), float)] == [0.8, 0.85, 0.9]
        return
    validation, test = figure.axes
    wanted = np.array([*GRID.values()]).reshape(3, 2) / 100
    for axes in (validation, test):
        np.testing.assert_allclose(np.asarray(axes.images[0].get_array(), float), wanted)
        (frame,) = [patch for patch in axes.patches if patch.get_visible()]
        assert (frame.get_x(), frame.get_y()) == (0.5, 1.5)  # type: ignore[attr-defined]
