"""A run whose metric is no accuracy, from its rows to every answer: summaries, choice, table,
comparison, history; and none of them calls it accuracy."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compbench.cli.pick import choose
from compbench.compare import match
from compbench.compare.compare import compare
from compbench.compare.render import FORMATS, render
from compbench.history import history, metrics, runs
from compbench.history import render as history_render
from compbench.results import folder, upgrade
from compbench.results.record import Run
from compbench.results.row import Row
from compbench.statistics.allowed_loss import front_margin
from compbench.statistics.classes import class_changes
from compbench.statistics.noninferiority import Standing
from compbench.statistics.pick import Constraints, pick, sentence
from compbench.statistics.summarise import summarise
from compbench.table import columns, frame, write
from tests.factory import RMSE, TARGET, lineage, make_row, make_run, number_rows, task_of

VARIANTS = {
    "teacher": lineage(),
    "worse": lineage("quantize_static", "teacher"),
    "same": lineage("prune_weights", "teacher"),
    "better": lineage("distill", "teacher"),
}
RUN = make_run(VARIANTS, task=task_of(RMSE), pick={"max_drop": "5%"})
NS = {"teacher": 20_000, "worse": 5_000, "same": 10_000, "better": 30_000}
WORDS = ("accura", " pp", "percentage")


def squares(name: str, split: int, shift: float = 0.0) -> np.ndarray:
    """Squared errors (N,): a variant's go with the baseline's."""
    base = np.random.default_rng(split).normal(size=2_000)
    own = np.random.default_rng([split, len(name)]).normal(size=2_000)
    scale = {"teacher": 1.0, "worse": 1.3, "same": 1.0, "better": 0.8}[name] + shift
    return (scale * (base if name == "teacher" else 0.99 * base + 0.141 * own)) ** 2


def rows_of(run: Run, shift: float = 0.0) -> list[Row]:
    return [
        row
        for name in VARIANTS
        for row in number_rows(
            run, name, squares(name, 1, shift), squares(name, 2, shift), ns=NS[name]
        )
    ]


ROWS = rows_of(RUN)
SUMMARIES = summarise(RUN, ROWS)


def test_figures_are_the_metric_s() -> None:
    for name in VARIANTS:
        s = SUMMARIES.find(name, TARGET)
        assert s.quality and s.change
        assert s.quality.value == pytest.approx(RMSE.value(squares(name, 1)))
        assert s.validation_quality == pytest.approx(RMSE.value(squares(name, 2)))
        assert s.quality.low < s.quality.value < s.quality.high
        wanted = RMSE.value(squares(name, 1)) - RMSE.value(squares("teacher", 1))
        assert s.change.value == pytest.approx(wanted)
    better = {name: SUMMARIES.find(name, TARGET).better for name in VARIANTS}
    assert better == {"teacher": 0, "worse": -1, "same": 0, "better": 1}


def test_seeds_spread_in_the_metric_s_unit() -> None:
    run = RUN.model_copy(update={"seeds": (0, 1)})
    found = summarise(run, [replace(row) for row in rows_of(run)]).find("worse", TARGET)
    assert found.seed_sd == 0 and found.technique_change is not None
    assert found.technique_change.value == pytest.approx(found.change and found.change.value)


def test_the_front_and_the_choice_go_by_lower_is_better() -> None:
    on = {name for name, _ in (*SUMMARIES.on_front, *SUMMARIES.may_be_on_front)}
    assert on == {"worse", "same", "better"} and SUMMARIES.beaten_by["teacher", TARGET] == "same"
    choice = pick(RUN, SUMMARIES, TARGET)
    assert choice and choice.taken and choice.taken.variant == "same"
    standings = {name: drop.standing for name, drop in choice.drops.items()}
    assert standings["worse"] is Standing.BEYOND
    assert {standings["same"], standings["better"]} == {Standing.WITHIN}
    assert not choice.is_contradicted(SUMMARIES.find("same", TARGET))
    assert choice.is_contradicted(SUMMARIES.find("worse", TARGET))
    assert choice.limit_on_test == pytest.approx(0.05 * RMSE.value(squares("teacher", 1)))


def test_what_is_said_of_the_choice_has_its_words() -> None:
    choice = pick(RUN, SUMMARIES, TARGET)
    assert choice
    said = sentence(RUN, SUMMARIES, TARGET, choice)
    limit = "at most 5 % of the baseline's RMSE above teacher: take same: "
    assert said.startswith(f"{TARGET}: {limit}2.00× (2.00–2.00) faster")
    assert "RMSE " in said and " eV, within chance" in said
    assert not any(word in said for word in WORDS)
    assert " eV on validation" in choice.excluded["worse"]["drop"]


@pytest.mark.parametrize(
    ("recorded", "text", "margin"),
    [
        ({"max_drop": "5%"}, "5 % of the baseline's RMSE", "2.5 % of the baseline's RMSE"),
        ({"max_drop": 0.5}, "0.5 eV", "0.25 eV"),
        ({}, "1 % of the baseline's RMSE", "0.5 % of the baseline's RMSE"),
        ({"max_drop": 0.5, "margin": "2%"}, "0.5 eV", "2 % of the baseline's RMSE"),
    ],
)
def test_the_limit_is_as_recorded(recorded: dict, text: str, margin: str) -> None:
    run = make_run(VARIANTS, task=task_of(RMSE), pick=recorded)
    assert Constraints.of(run).drop_text == text
    assert RMSE.loss_text(front_margin(run)) == margin


def test_the_command_line_reads_the_metric_s_limits() -> None:
    chosen = choose(RUN, SUMMARIES, TARGET, {"--max-drop": "0.5"})
    assert chosen.choice.taken and chosen.choice.taken.variant == "worse"
    record = json.loads(json.dumps(chosen.record()))
    assert (record["metric"], record["constraints"]["max_drop"]) == ("rmse", 0.5)


def test_columns_are_called_by_the_metric() -> None:
    table = frame.table(RUN, SUMMARIES)
    named = ["rmse", "rmse_low", "rmse_high", "validation_rmse"]
    assert [c for c in table.columns if "accuracy" in c] == []
    assert {*named} < {*table.columns}
    of_variant: Any = table.set_index("variant")["rmse"]
    assert of_variant["worse"] == pytest.approx(RMSE.value(squares("worse", 1)))
    about = columns.columns(RMSE)
    assert {about[name].unit for name in (*named, "change", "seed_sd")} == {"eV"}
    assert about["rmse"].meaning == "RMSE on the test samples, mean over seeds"
    document = json.loads(write.as_json(RUN, table))
    assert {*document["columns"]} == {*about}
    assert not any(word in json.dumps(document["columns"]) for word in WORDS)


def test_classes_are_of_tasks_that_have_them() -> None:
    rows = folder_rows = [*ROWS, make_row("", "labels", samples={"label": np.zeros(2_000, int)})]
    assert folder_rows is rows and not RUN.has_classes
    assert class_changes(RUN, match.Rows(rows), TARGET, ["worse"]) is None


def test_two_runs_are_compared_by_it() -> None:
    a, b = match.side("A", RUN, ROWS), match.side("B", RUN, rows_of(RUN, 0.2))
    found = compare(a, b)
    line = next(x for x in found.lines if x.variant == "worse")
    assert line.quality and line.quality.is_significant and line.quality.interval.low > 0
    assert "RMSE +" in render(found, "table") and " eV" in render(found, "table")
    for form in FORMATS:
        assert not any(word in render(found, form) for word in WORDS), form
    assert "rmse_a" in render(found, "csv").splitlines()[0]


@pytest.mark.parametrize(
    ("digest", "basis"), [("d" * 64, "paired"), ("e" * 64, "unpaired")], ids=["same", "other"]
)
def test_other_samples_are_compared_unpaired(digest: str, basis: str) -> None:
    run = RUN.model_copy(update={"dataset": {**RUN.dataset, "digest": digest}})
    found = compare(match.side("A", RUN, ROWS), match.side("B", run, rows_of(run, 0.2)))
    assert {x.quality_basis for x in found.lines} == {basis}
    assert all(x.quality and x.quality.interval.value > 0 for x in found.lines)


def test_another_metric_is_not_compared() -> None:
    other = RUN.model_copy(update={"task": task_of(RMSE.model_copy(update={"unit": "meV"}))})
    found = compare(match.side("A", RUN, ROWS), match.side("B", other, ROWS))
    assert all(x.quality is None and x.quality_basis == "" for x in found.lines)
    said = "metric: RMSE eV became RMSE meV: values of one are not compared with the other's"
    assert said in found.differences


def moments(*shifts: float) -> runs.Moments:
    found = []
    for day, shift in enumerate(shifts, start=1):
        run = RUN.model_copy(update={"started": f"2026-01-{day:02d}T00:00:00+00:00"})
        found.append(runs.Moment(f"day{day}", run, summarise(run, rows_of(run, shift)), {}))
    return runs.Moments(tuple(found), ())


@pytest.mark.parametrize("name", ["rmse", "validation_rmse", "change", "validation_change"])
def test_its_history_has_its_words(name: str) -> None:
    seen = moments(0, 0, 0, 0.5, 0.5)
    metric = metrics.find(name, RMSE)
    found = history.history(seen.finished, metric, TARGET)
    said = history_render.table(found, seen)
    assert "RMSE" in said and " eV" in said and metric.better == -1
    assert not any(word in said for word in WORDS)
    if name == "rmse":
        assert [step.at for step in found.series[0].steps] == [3]
        assert "eV) from 2026-01-04" in said


def test_runs_by_another_metric_are_left_out_of_its_history() -> None:
    seen = moments(0, 0, 0)
    first = replace(seen.finished[0], run=make_run(VARIANTS))
    both = runs.Moments((first, *seen.finished[1:]), ())
    found = history.history(both.finished, metrics.find("rmse", RMSE), TARGET)
    assert {p.at for series in found.series for p in series.points} == {1, 2}
    assert "Left out: 1 run judged by accuracy." in history_render.table(found, both)
    speeds = history.history(both.finished, metrics.find("speedup", RMSE), TARGET)
    assert {p.at for series in speeds.series for p in series.points} == {0, 1, 2}


def test_rows_and_runs_of_before_there_were_tasks_are_read_as_today(tmp_path: Path) -> None:
    right = np.array([1, 0], np.uint8)
    old = [
        make_row("a", "accuracy", samples={"correct": right}),
        make_row("a", "validation_accuracy", samples={"correct": right}),
        make_row("a", "history", samples={"epoch": right, "validation_accuracy": right}),
    ]
    folder.write_rows(tmp_path, "old", old)
    found = folder.read_rows(tmp_path)
    assert [row.metric for row in found] == ["score", "validation_score", "history"]
    assert [[*row.samples] for row in found] == [["score"], ["score"], ["epoch", "validation"]]
    assert found[0].samples["score"].tolist() == [1, 0]
    assert upgrade.reference({"accuracy": 0.9, "source": "x"}) == {"value": 0.9, "source": "x"}
    run = make_run()
    assert run.headline.name == "accuracy" and run.has_classes
