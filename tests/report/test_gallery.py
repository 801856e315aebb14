"""What pictures a run has, and the figures that they show: pure, nothing is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compbench.report.gallery import gallery
from compbench.report.pictures.label_placement import Box, around, place
from compbench.report.pictures.selection import evenly, front, shown
from compbench.report.section import Page, Picture
from compbench.report.section_list import places
from compbench.report.sections.soft_labels import soft_label_table
from compbench.results.record import Run
from compbench.results.row import Row
from compbench.results.row_index import Rows
from compbench.statistics.classes import Confusion, added_confusions, class_changes
from compbench.statistics.lineage import last_step
from compbench.statistics.summarise import summarise
from compbench.statistics.summary import Summaries, Summary
from compbench.statistics.teaching import (
    TemperatureSeries,
    soft_labels,
    temperature_series,
    untaught,
)
from tests.factory import RUN, RUN_ROWS, TARGET, exactly, lineage, make_row, make_run
from tests.picture_rows import CLASSES, dataset_rows, errors_row, soft_row

PAIR = {
    "teacher": lineage(),
    "student": lineage(model="mlp"),
    "taught": lineage("distill", "teacher", model="mlp") | {"options": {"temperature": 2.0}},
}


def pictures_of(run: Run, rows: list[Row]) -> tuple[Picture, ...]:
    return gallery(places(Page(run, Rows(rows), summarise(run, rows)))).pictures


def test_every_picture_that_old_rows_allow() -> None:
    names = [p.name for p in pictures_of(RUN, RUN_ROWS)]
    assert names == [f"{k}-{TARGET}.png" for k in ("pareto", "speed", "latency")] + ["training.png"]


def test_every_picture_that_new_rows_allow() -> None:
    rows = [*RUN_ROWS, *dataset_rows()]
    for variant in ("teacher", "student", "student_kd"):
        rows += [errors_row(variant, [(1, 2)] * (variant != "teacher")), soft_row(variant)]
    found = pictures_of(RUN, rows)
    kinds = ["pareto", "speed", "soft-labels", "classes", "confusions", "latency", "training"]
    assert [p.kind for p in found] == kinds
    assert all(p.alt and p.caption for p in found)
    assert found[0].markdown.startswith(f"![{found[0].alt}](pareto-{TARGET}.png)\n\n")


def test_nothing_measured_nothing_to_show() -> None:
    run = make_run({"teacher": lineage()})
    assert pictures_of(run, []) == ()


def summary(name: str, ns: float) -> Summary:
    return Summary(name, TARGET, quality=exactly(0.9), p50_ns=ns, size_bytes=1)


def crowd(count: int, *ahead: str) -> tuple[Run, Summaries]:
    """Variants v0 (the baseline and slowest), v1 (the fastest), v2, …"""
    run = make_run({f"v{i}": lineage() for i in range(count)})
    all_of = tuple(summary(f"v{i}", float(i or count)) for i in range(count))
    return run, Summaries(all_of, {}, frozenset((name, TARGET) for name in ahead))


def test_few_variants_are_all_shown_the_fastest_first() -> None:
    run, summaries = crowd(4)
    found = shown(run, summaries, TARGET)
    assert [s.variant for s in found.summaries] == ["v1", "v2", "v3", "v0"]
    assert (found.left_out, found.note) == (0, "")


def test_of_many_the_baseline_the_front_and_evenly_others() -> None:
    run, summaries = crowd(100, "v50", "v51")
    found = shown(run, summaries, TARGET, most=6)
    assert [s.variant for s in found.summaries] == ["v1", "v49", "v50", "v51", "v99", "v0"]
    assert found.left_out == 94
    assert found.note.startswith("6 of 100 variants are shown")


def test_a_front_larger_than_the_picture_is_thinned_out() -> None:
    run, summaries = crowd(9, *(f"v{i}" for i in range(1, 9)))
    found = shown(run, summaries, TARGET, most=4)
    assert [s.variant for s in found.summaries] == ["v1", "v5", "v8", "v0"]
    assert front(run, summaries, TARGET, 3) == ["v1", "v5", "v8"]


@pytest.mark.parametrize(
    ("most", "found"), [(0, []), (1, [0]), (2, [0, 9]), (4, [0, 3, 6, 9]), (10, list(range(10)))]
)
def test_evenly(most: int, found: list[int]) -> None:
    assert evenly(range(10), most) == found


def test_families_follow_the_technique() -> None:
    techniques = ["train", "prune_weights", "prune_channels", "quantize_static", "my_plugin"]
    run = make_run({t: lineage(t) for t in techniques})
    found = [last_step(run, t) for t in techniques]
    assert found == ["trained", "pruned", "pruned", "quantized", "my_plugin"]


def taught_at(temperature: float, **options: Any) -> dict[str, Any]:
    options |= {"temperature": temperature}
    return lineage("distill", "teacher", model="mlp") | {"options": options}


def test_a_sweep_is_of_three_that_differ_in_the_temperature_alone() -> None:
    run = make_run(
        {
            "teacher": lineage(),
            "alone": lineage(model="mlp") | {"options": {"epochs": 2}},
            "t4": taught_at(4.0, epochs=2),
            "t1": taught_at(1.0, epochs=2),
            "longer": taught_at(2.0, epochs=9),
            "t2": taught_at(2.0, epochs=2),
            "t2_again": taught_at(2.0, epochs=2),
        }
    )
    assert temperature_series(run) == [
        TemperatureSeries(((1.0, "t1"), (2.0, "t2"), (4.0, "t4")), "alone")
    ]
    assert temperature_series(run)[0].label == "t1 … t4"


@pytest.mark.parametrize(
    "last",
    [taught_at(2.0), taught_at(4.0, epochs=3), lineage("train", model="mlp")],
    ids=["the same temperature", "another option", "another technique"],
)
def test_no_sweep(last: dict[str, Any]) -> None:
    variants = {"teacher": lineage(), "a": taught_at(1.0), "b": taught_at(2.0), "c": last}
    assert temperature_series(make_run(variants)) == []


def test_the_control_is_the_same_net_from_scratch() -> None:
    tuned = lineage("train", "teacher", model="mlp")
    run = make_run({"teacher": lineage(), "tuned": tuned, "kd": PAIR["taught"], **PAIR})
    assert untaught(run, "kd") == "student"
    assert untaught(make_run({"teacher": lineage(), "kd": PAIR["taught"]}), "kd") is None


RECIPE = {"epochs": 2, "learning_rate": 0.1}


@pytest.mark.parametrize(
    ("technique", "options"),
    [
        ("load", {"path": "net.safetensors", "new_head": False}),
        ("my_package.given:Technique", {}),
        ("train", RECIPE | {"epochs": 3}),
        ("my_package.sharpness:Technique", RECIPE | {"rho": 0.05}),
    ],
    ids=["loaded", "loaded, without options", "longer", "another way of training"],
)
def test_another_recipe_is_no_control(technique: str, options: dict[str, Any]) -> None:
    other = lineage(technique, model="mlp") | {"options": options}
    same = lineage(model="mlp") | {"options": RECIPE}
    variants = {"teacher": lineage(), "kd": taught_at(4.0, **RECIPE), "other": other}
    assert untaught(make_run(variants), "kd") is None
    assert untaught(make_run({**variants, "same": same}), "kd") == "same"


def test_the_control_of_a_student_with_few_labels_has_seen_no_others() -> None:
    few = {**RECIPE, "data_share": 0.2}
    kd = taught_at(4.0, **RECIPE, data_share=1.0, label_share=0.2)
    variants = {"teacher": lineage(), "kd": kd, "all": lineage(model="mlp") | {"options": RECIPE}}
    variants["all"]["options"] = {**RECIPE, "data_share": 1.0}
    assert untaught(make_run(variants), "kd") is None
    some = lineage(model="mlp") | {"options": few}
    assert untaught(make_run({**variants, "some": some}), "kd") == "some"


def right_row(variant: str, wrong: list[int], seed: int = 0) -> Row:
    correct = np.ones(100, np.uint8)
    correct[wrong] = 0
    return make_row(variant, "score", target=TARGET, seed=seed, samples={"score": correct})


def test_accuracy_by_class_is_a_paired_change() -> None:
    # of the classes 0, 1, …, 9, 0, 1, …: ten images each
    rows = Rows([*dataset_rows(), right_row("teacher", [3]), right_row("student", [3, 13, 4])])
    found = class_changes(RUN, rows, TARGET, ["teacher", "student", "int8"])
    assert found
    assert found.classes == tuple(range(10))
    assert found.counts == (10,) * 10
    assert found.baseline[3:5] == (0.9, 1.0)
    assert [round(c.files.value, 9) for c in found.changes["student"]] == [
        0,
        0,
        0,
        -0.1,
        -0.1,
        *[0] * 5,
    ]
    assert list(found.changes) == ["student"]
    assert (found.left_out, found.cells) == (0, 10)


def test_no_class_stands_out_by_chance_among_many() -> None:
    """Seven of ten images lost would be a difference alone, not as one of ten cells."""
    lost = [3 + 10 * i for i in range(7)]
    rows = Rows([*dataset_rows(), right_row("teacher", []), right_row("student", lost)])
    found = class_changes(RUN, rows, TARGET, ["student"])
    assert found
    change = found.changes["student"][3]
    assert (change.files_p, change.side) == (pytest.approx(10 * 2 / 2**7), 0)
    assert change.files.high < 0


def test_of_many_classes_those_that_change_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compbench.statistics.classes.MOST_CLASSES", 2)
    rows = Rows([*dataset_rows(), right_row("teacher", []), right_row("student", [8, 2, 12])])
    found = class_changes(RUN, rows, TARGET, ["student"])
    assert found
    assert (found.classes, found.left_out) == ((2, 8), 8)


@pytest.mark.parametrize(
    "rows",
    [
        [right_row("teacher", []), right_row("student", [])],
        [*dataset_rows(), right_row("student", [])],
        [*dataset_rows(), right_row("teacher", [])],
    ],
    ids=["no classes", "no baseline", "no other variant"],
)
def test_no_accuracy_by_class(rows: list[Row]) -> None:
    assert class_changes(RUN, Rows(rows), TARGET, ["teacher", "student"]) is None


def test_added_confusions_are_means_over_the_seeds_that_both_have() -> None:
    rows = [
        *dataset_rows(),
        errors_row("teacher", [(1, 2), (3, 4)]),
        errors_row("teacher", [(3, 4)], seed=1),
        errors_row("student", [(1, 2), (11, 2), (7, 9)]),  # images 1 and 11 are of class 1
        errors_row("student", [(1, 2), (3, 4), (4, 4 + 5)], seed=1),
        errors_row("student", [(5, 6)] * 9, seed=2),
    ]
    assert added_confusions(RUN, Rows(rows), TARGET, ["student", "teacher", "pruned"]) == [
        Confusion("student", 1, 2, 1.5, 0.5),
        Confusion("student", 4, 9, 0.5, 0.0),
        Confusion("student", 7, 9, 0.5, 0.0),
    ]
    assert added_confusions(RUN, Rows(rows[-5:]), TARGET, ["student"]) == []


def soft_rows(run: Run) -> list[Row]:
    return [*dataset_rows(), *(soft_row(v, s) for s in run.seeds for v in run.variants)]


def test_soft_labels_of_the_first_pair_at_the_first_seed_that_all_have() -> None:
    run = make_run(PAIR, seeds=(4, 5))
    rows = [r for r in soft_rows(run) if (r.variant, r.seed) != ("student", 4)]
    found = soft_labels(run, Rows(rows), TARGET)
    assert found
    assert (found.teacher, found.control, found.student) == ("teacher", "student", "taught")
    assert (found.seed, found.temperature) == (5, 2.0)
    assert [(e.index, e.label) for e in found.examples] == [(17, 7), (3, 3)]
    first = found.examples[0]
    assert first.pixels.shape == (1, 8, 8)
    assert first.pixels.max() == 63 and found.examples[1].pixels.min() == 64
    # logits 0, 1, …, 9: softmax by hand
    weights = np.exp(np.arange(CLASSES) / 2)
    assert first.probabilities("taught", 2.0) == pytest.approx(weights / weights.sum())


def test_the_table_of_soft_labels() -> None:
    run = make_run(PAIR)
    first, second = soft_label_table(run, Rows(soft_rows(run)), TARGET)
    columns = [f"{v}, T = {t}" for t in (1, 2) for v in ("teacher", "student", "taught")]
    assert list(first) == ["test image", "class", *columns]
    assert (first["test image"], first["class"], second["class"]) == ("17", "7", "3")
    assert first["taught, T = 1"] == "9: 63%, 8: 23%, 7: 9%"


@pytest.mark.parametrize("lost", ["labels", "examples", "soft_labels"])
def test_no_soft_labels_in_old_runs(lost: str) -> None:
    run = make_run(PAIR)
    rows = Rows(r for r in soft_rows(run) if r.metric != lost)
    assert soft_labels(run, rows, TARGET) is None
    assert soft_label_table(run, rows, TARGET) == []


def test_no_soft_labels_without_a_control() -> None:
    run = make_run({v: PAIR[v] for v in ("teacher", "taught")})
    assert soft_labels(run, Rows(soft_rows(run)), TARGET) is None


def overlap(a: Box, b: Box) -> bool:
    return a.left < b.right and b.left < a.right and a.bottom < b.top and b.bottom < a.top


def test_names_lie_beside_their_marks_and_over_nothing() -> None:
    marks = [around(200 + 15 * i, 200, 12, 12) for i in range(6)]
    inside = Box(0, 0, 600, 400)
    names = place(marks, [(90, 16)] * 6, inside, [])
    boxes = [*marks, *names]
    pairs = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i]]
    assert not any(overlap(a, b) for a, b in pairs)
    assert all(b.left >= 0 and b.right <= 600 and b.bottom >= 0 and b.top <= 400 for b in names)
    assert names[0].gap(marks[0]) <= 6


def test_a_name_at_the_edge_turns_inwards() -> None:
    (name,) = place([around(595, 200, 10, 10)], [(90, 16)], Box(0, 0, 600, 400), [])
    assert name.right <= 590


def test_of_places_that_cost_the_same_the_first_is_taken_whatever_rounding_says() -> None:
    inside = Box(0, 0, 600, 400)
    for x, y, width in np.random.default_rng(0).uniform((200, 100, 40), (400, 300, 90), (50, 3)):
        mark = around(float(x), float(y), 11.3, 12.7)
        (name,) = place([mark], [(float(width), 15.1)], inside, [])
        assert name.left > mark.right  # to the right comes first
