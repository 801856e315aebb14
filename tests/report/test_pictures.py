"""Pictures are drawn of all kinds of rows, the same bytes each time; what is in them, by object."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from PIL import Image

from compbench.headline import ACCURACY
from compbench.report.gallery import gallery
from compbench.report.pictures import draw as pictures_draw
from compbench.report.pictures import style
from compbench.report.pictures.classes import class_heat_map, confusion_bars
from compbench.report.pictures.scatter import pareto_scatter
from compbench.report.pictures.selection import shown
from compbench.report.pictures.speed import latency_hills, size_and_speed
from compbench.report.pictures.teaching import soft_label_bars, temperature_curves
from compbench.report.pictures.training import training_curves
from compbench.report.section import Page, Picture
from compbench.report.section_list import places
from compbench.results.record import Run
from compbench.results.row import Row
from compbench.results.row_index import Rows
from compbench.statistics.summarise import summarise
from compbench.statistics.summary import Summaries
from tests.factory import (
    RUN,
    RUN_ROWS,
    TARGET,
    lineage,
    make_row,
    make_run,
    status_row,
    variant_rows,
)
from tests.picture_rows import dataset_rows, errors_row, soft_row

NEW_ROWS = [
    *RUN_ROWS,
    *dataset_rows(),
    *(errors_row(v, [(1, 2)] * (v != "teacher")) for v in ("teacher", "student", "student_kd")),
    *(soft_row(v) for v in ("teacher", "student", "student_kd")),
]
SUMMARIES = summarise(RUN, NEW_ROWS)


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    with rc_context(style.STYLE):
        yield


def pictures_of(run: Run, rows: list[Row]) -> tuple[Picture, ...]:
    return gallery(places(Page(run, Rows(rows), summarise(run, rows)))).pictures


def drawn(run: Run, rows: list[Row]) -> dict[str, bytes]:
    found = pictures_draw.pictures(pictures_of(run, rows))
    assert not found.failures
    return found.files


def draw(run: Run, rows: list[Row]) -> list[str]:
    """The names of all pictures, each of which is laid out."""
    found = pictures_of(run, rows)
    for picture in found:
        assert picture.draw().axes
    return [picture.name for picture in found]


def test_a_picture_is_a_png_that_says_who_drew_it() -> None:
    first, second = (style.png(pareto_scatter(RUN, SUMMARIES, TARGET)) for _ in range(2))
    assert first == second
    image = Image.open(io.BytesIO(first))
    image.load()
    assert (image.format, image.width) == ("PNG", round(style.WIDTH * 130))
    assert image.info["Software"] == f"Matplotlib version {matplotlib.__version__}"


@pytest.mark.slow
def test_pictures_are_the_same_bytes_for_the_same_rows() -> None:
    first, second = (drawn(RUN, NEW_ROWS) for _ in range(2))
    assert list(first) == [
        *(f"{k}-{TARGET}.png" for k in ("pareto", "speed", "soft-labels", "classes")),
        *(f"{k}-{TARGET}.png" for k in ("confusions", "latency")),
        "training.png",
    ]
    assert first == second


@pytest.mark.slow
def test_the_oddest_rows_are_drawn_to_the_end() -> None:
    for made in (one_epoch, one_variant, baseline_failed, one_launch):
        run, rows = made()
        for content in drawn(run, rows).values():
            assert Image.open(io.BytesIO(content)).width == round(style.WIDTH * 130)


def many_seeds() -> tuple[Run, list[Row]]:
    run = make_run({"teacher": lineage(), "kd": lineage("distill", "teacher")}, seeds=(0, 1, 2))
    return run, [r for v in run.variants for r in variant_rows(run, v)]


def one_target_skipped() -> tuple[Run, list[Row]]:
    run, rows = many_seeds()
    both = {**run.targets, "gpu": run.targets[TARGET]}
    skipped = [status_row(v, "no CUDA", status="skipped", target="gpu") for v in run.variants]
    return run.model_copy(update={"targets": both}), rows + skipped


def one_variant() -> tuple[Run, list[Row]]:
    run = make_run({"teacher": lineage()})
    return run, variant_rows(run, "teacher")


def baseline_failed() -> tuple[Run, list[Row]]:
    run, rows = many_seeds()
    return run, [status_row("teacher", "nan"), *(r for r in rows if r.variant == "kd")]


def one_launch() -> tuple[Run, list[Row]]:
    run, rows = many_seeds()
    return run, [r for r in rows if r.launch < 1]


def one_epoch() -> tuple[Run, list[Row]]:
    run, rows = one_variant()
    first = {"epoch": [1], "train_loss": [0.0], "validation": [1.0]}
    samples = {name: np.array(values) for name, values in first.items()}
    history = make_row("teacher", "history", 1, samples=samples)
    return run, [*(r for r in rows if r.metric != "history"), history]


def no_histories() -> tuple[Run, list[Row]]:
    run, rows = one_variant()
    return run, [r for r in rows if r.metric != "history"]


def no_epochs() -> tuple[Run, list[Row]]:
    run, rows = no_histories()
    return run, [*rows, make_row("teacher", "history", 0)]


SPEED = [f"{kind}-{TARGET}.png" for kind in ("pareto", "speed", "latency")]


@pytest.mark.parametrize(
    ("made", "names"),
    [
        (many_seeds, [*SPEED, "training.png"]),
        (one_target_skipped, [*SPEED, "training.png"]),
        (one_variant, [*SPEED, "training.png"]),
        (baseline_failed, [*SPEED, "training.png"]),
        (one_launch, [*SPEED, "training.png"]),
        (one_epoch, [*SPEED, "training.png"]),
        (no_histories, SPEED),
        (no_epochs, SPEED),
    ],
)
def test_any_rows_are_drawn(made: Callable[[], tuple[Run, list[Row]]], names: list[str]) -> None:
    assert draw(*made()) == names


def test_all_failed_nothing_is_drawn() -> None:
    run = make_run({"teacher": lineage()})
    assert draw(run, [status_row("teacher", "the loss is nan")]) == []


def texts(figure: Figure) -> list[str]:
    """All that is written in a figure."""
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def crowd(count: int = 60) -> tuple[Run, list[Row], Summaries]:
    """Variants v0 to v59, the later the faster; of four families."""
    techniques = ("train", "distill", "prune_weights", "low_rank")
    run = make_run({f"v{i}": lineage(techniques[i % 4], *["v0"] * (i > 0)) for i in range(count)})
    rows = [
        row
        for i in range(count)
        for row in variant_rows(run, f"v{i}", ns=20_000 - 100 * i, right=95 - i, size_bytes=900 + i)
    ]
    return run, rows, summarise(run, rows)


CROWD = crowd()


def test_a_crowd_is_thinned_out_in_what_is_listed_not_in_the_scatter() -> None:
    run, rows, summaries = CROWD
    chosen = [s.variant for s in shown(run, summaries, TARGET).summaries]
    for figure in (
        latency_hills(run, Rows(rows), summaries, TARGET),
        size_and_speed(run, summaries, TARGET),
    ):
        names = [t.get_text().removesuffix(" (baseline)") for t in figure.axes[0].get_yticklabels()]
        assert sorted(names) == sorted(chosen)
        assert len(names) == 24
    axes = pareto_scatter(run, summaries, TARGET).axes[0]
    drawn = sum(len(np.asarray(collection.get_offsets())) for collection in axes.collections)
    rings = {v for v, _ in (*summaries.on_front, *summaries.may_be_on_front)}
    drawn += sum(line.get_marker() not in ("None", None) for line in axes.lines)
    assert drawn == 60 + len(rings)
    assert "v0 (baseline)" in [t.get_text() for t in axes.texts]


def dashes(line: Line2D) -> str:
    """Its pattern, which matplotlib tells only by its plain names."""
    return str(line._unscaled_dash_pattern)  # pyright: ignore[reportAttributeAccessIssue]


def test_families_have_panels_of_their_own_whose_lines_differ() -> None:
    run, rows, _ = CROWD
    figure = training_curves(run, Rows(rows))
    assert len(figure.axes) == 8
    for axes in figure.axes:
        lines = [line for line in axes.lines if not str(line.get_label()).startswith("_")]
        assert len({(line.get_color(), dashes(line)) for line in lines}) == len(lines)
    assert [axes.get_ylabel() for axes in figure.axes[::2]] == [
        *("trained", "distilled", "pruned", "low rank")
    ]
    assert "7 of 15 distilled" in texts(figure)
    # the baseline is a reference wherever it is not among the drawn
    for axes, count in zip(figure.axes[1::2], (7, 8, 8, 8), strict=True):
        names = [t.get_text() for t in axes.texts if t.get_text().startswith("v")]
        assert len(names) == count and "v0 (baseline)" in names


def test_a_baseline_out_of_a_panel_is_not_named_there() -> None:
    run, rows, _ = CROWD
    low_rank = [v for v, said in run.variants.items() if said["family"] == "low rank"]
    far = [
        replace(r, samples={**r.samples, "train_loss": 1e3 * r.samples["train_loss"],
                            "validation": r.samples["validation"] / 9})
        if r.metric == "history" and r.variant in low_rank and r.samples
        else r
        for r in rows
    ]  # fmt: skip
    *others, last = training_curves(run, Rows(far)).axes[1::2]
    assert all("v0 (baseline)" in {t.get_text() for t in axes.texts} for axes in others)
    assert "v0 (baseline)" not in {t.get_text() for t in last.texts}


def test_few_variants_share_one_panel() -> None:
    figure = training_curves(RUN, Rows(RUN_ROWS))
    assert [len(axes.get_legend_handles_labels()[1]) for axes in figure.axes] == [4, 4]
    assert "mine: training" in texts(figure)


def test_a_variant_far_below_stands_on_the_edge_with_its_accuracy() -> None:
    run = make_run({v: lineage() for v in ("teacher", "a", "b", "c", "broken")})
    rows = [r for v in run.variants for r in variant_rows(run, v, right=96)]
    rows = [r for r in rows if r.variant != "broken"]
    rows += variant_rows(run, "broken", right=10, ns=1_000)
    axes = pareto_scatter(run, summarise(run, rows), TARGET).axes[0]
    assert axes.get_ylim()[0] > 0.5
    assert "broken: 10.0 %" in [t.get_text() for t in axes.texts]


def test_hills_say_percentiles_and_the_slowest() -> None:
    figure = latency_hills(RUN, Rows(NEW_ROWS), SUMMARIES, TARGET)
    found = [t.get_text() for t in figure.axes[0].texts]
    # three launches of five turns of 10, 11, 12, 13, 14 µs, twice each: too few for p90
    assert found[:8] == ["12.0 µs", "–", "–", "14.0 µs", *found[4:8]]
    assert found[-4:] == ["p50", "p90", "p99", "slowest"]


def test_speed_bars_are_sorted_and_say_their_intervals() -> None:
    left, right = size_and_speed(RUN, SUMMARIES, TARGET).axes
    names = [t.get_text() for t in left.get_yticklabels()]
    assert names == ["student", "teacher (baseline)", "pruned", "student_kd"]
    assert right.texts[0].get_text() == "2.00× (2.00–2.00)"
    assert "baseline" in [t.get_text() for t in right.texts]


def test_the_heat_map_has_a_cell_for_each_class_and_variant() -> None:
    axes = class_heat_map(RUN, Rows(NEW_ROWS), SUMMARIES, TARGET).axes[0]
    names = [t.get_text() for t in axes.get_yticklabels()]
    assert sorted(names) == ["pruned", "student", "student_kd"]
    # the student has ten wrong images more, one of each class
    row = names.index("student")
    assert [t.get_text() for t in axes.texts][10 * row : 10 * row + 10] == ["−10.0"] * 10


@pytest.mark.parametrize("place", ["on_front", "may_be_on_front", ""])
def test_names_are_bold_on_the_front_and_italic_where_that_is_undecided(place: str) -> None:
    there = {name: frozenset[tuple[str, str]]() for name in ("on_front", "may_be_on_front")}
    summaries = replace(SUMMARIES, **there | ({place: {("student", TARGET)}} if place else {}))
    for axes in (
        class_heat_map(RUN, Rows(NEW_ROWS), summaries, TARGET).axes[0],
        latency_hills(RUN, Rows(NEW_ROWS), summaries, TARGET).axes[0],
        size_and_speed(RUN, summaries, TARGET).axes[0],
    ):
        (name,) = (t for t in axes.get_yticklabels() if t.get_text() == "student")
        assert (name.get_fontweight() == "bold") is (place == "on_front")
        assert (name.get_fontstyle() == "italic") is (place == "may_be_on_front")


def test_confusions_stand_beside_the_baselines() -> None:
    figure = confusion_bars(RUN, Rows(NEW_ROWS), SUMMARIES, TARGET, 6)
    panels = [axes for axes in figure.axes if axes.get_title(loc="left")]
    assert [t.get_text() for axes in panels for t in axes.texts] == ["+1"] * len(panels)
    assert [t.get_text() for t in panels[0].get_yticklabels()] == ["1 → 2"]


def test_soft_labels_are_bars_of_three_models_at_two_temperatures() -> None:
    figure = soft_label_bars(RUN, Rows(NEW_ROWS), TARGET)
    images, *panels = figure.axes
    assert [t.get_text() for t in images.texts] == ["true: 7", "true: 3"]
    assert len(panels) == 1  # the made-up student has no temperature but 1
    heights = [bar.get_height() for bars in panels[0].containers for bar in bars]
    assert sum(heights) == pytest.approx(2 * 3)
    bold = [t.get_text() for t in panels[0].texts if t.get_fontweight() == "bold"]
    assert bold == ["7", "3"]


def test_of_many_classes_only_the_likeliest_and_the_true_one() -> None:
    run = make_run({v: RUN.variants[v] for v in ("teacher", "student", "student_kd")})
    logits = np.tile(np.arange(30, dtype=np.float32), 2)
    rows = [
        *dataset_rows(),
        *(
            make_row(v, "soft_labels", target=TARGET, samples={"logit": logits})
            for v in run.variants
        ),
    ]
    panel = soft_label_bars(run, Rows(rows), TARGET).axes[1]
    assert [t.get_text() for t in panel.texts][:10] == ["7", *map(str, range(21, 30))]


def sweep() -> tuple[Run, list[Row]]:
    options: list[dict[str, Any]] = [{"options": {"temperature": t}} for t in (4.0, 1.0, 2.0)]
    taught = {
        f"kd{i}": lineage("distill", "teacher", model="mlp") | o for i, o in enumerate(options)
    }
    run = make_run({"teacher": lineage(), "student": lineage(model="mlp"), **taught})
    right = dict(zip(run.variants, (99, 80, 84, 81, 82), strict=True))
    return run, [r for v in run.variants for r in variant_rows(run, v, right=right[v])]


def test_a_sweep_is_a_line_and_its_control_a_band() -> None:
    run, rows = sweep()
    assert f"temperature-{TARGET}.png" in draw(run, rows)
    test, validation = temperature_curves(run, Rows(rows), TARGET).axes
    line = next(x for x in test.lines if x.get_marker() == "o")
    assert np.array(line.get_data()).tolist() == [[1, 2, 4], [0.81, 0.82, 0.84]]
    control = next(
        x for x in test.lines if x.get_marker() == "None" and np.size(x.get_xdata()) == 2
    )
    assert np.array(control.get_ydata()).tolist() == [0.8, 0.8]
    assert validation.get_title(loc="left") == "validation accuracy"


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (1, 2e4, [1, 10, 100, 1_000, 10_000]),
        (9, 110, [10, 20, 50, 100]),
        (90, 101, [90, 92.5, 95, 97.5, 100]),
    ],
)
def test_ticks_of_a_logarithmic_axis_are_round(low: float, high: float, ticks: list[float]) -> None:
    assert style.log_ticks(low, high) == ticks


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(2e4, "ns", "20 µs"), (1.5e6, "ns", "1.5 ms"), (2e9, "ns", "2 s"), (500, "ns", "500 ns"),
     (30_000, "B", "30 KB"), (812, "B", "812 B"), (0.5, "×", "0.5×"), (0.1, "", "0.1")],
)  # fmt: skip
def test_quantities(value: float, unit: str, text: str) -> None:
    assert style.quantity(value, unit) == text


def test_some_bad_accuracies_dont_flatten_the_others() -> None:
    assert style.robust_worst([0.99, 0.985, 0.98, 0.99, 0.1], ACCURACY) == pytest.approx(0.965)
    assert style.robust_worst([0.99, 0.98], ACCURACY) == 0.98
    assert style.robust_worst([0.9], ACCURACY) == 0.9


def test_long_names_lose_their_middle() -> None:
    assert style.short("a" * 30) == "a" * 30
    name = style.short("teacher_pruned_by_half_then_quantized_int8")
    assert len(name) == 30
    assert name.startswith("teacher_pruned_b…") and name.endswith("uantized_int8")


def test_a_legend_reads_along_its_rows() -> None:
    handles = [Line2D([], [], label=str(i)) for i in range(5)]
    # matplotlib puts three into the first column of two
    assert [h.get_label() for h in style.by_rows(handles, 2)] == ["0", "2", "4", "1", "3"]


@pytest.mark.parametrize("classes", [10, 20, 100, 1000])
def test_no_two_names_of_classes_overlap_however_many_there_are(classes: int) -> None:
    run = make_run({"teacher": lineage(), "pruned": lineage("prune_channels", "teacher")})
    labels = (np.arange(10 * classes) % classes).astype(np.uint16)
    right = {"teacher": np.ones(len(labels), "u1"), "pruned": (labels % 3 > 0).astype("u1")}
    rows = [make_row("", "labels", samples={"label": labels})]
    for variant, scores in right.items():
        rows += [
            replace(row, samples={"score": scores}) if "score" in row.metric else row
            for row in variant_rows(run, variant)
        ]
    with rc_context(style.STYLE):
        figure = class_heat_map(run, Rows(rows), summarise(run, rows), TARGET)
        style.png(figure)
    axes = figure.axes[0]
    cells = sorted(axes.texts, key=lambda text: text.get_position()[0])
    assert len(cells) == min(classes, 20)
    for texts in (axes.get_xticklabels(), cells):
        boxes = [text.get_window_extent() for text in texts]
        assert all(a.x1 < b.x0 for a, b in pairwise(boxes))
