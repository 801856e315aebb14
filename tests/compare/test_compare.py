"""Runs compared whose differences are known; the whole text as golden files."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import replace
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from compbench import units
from compbench.compare import match, render
from compbench.compare.compare import SAME_FILE, Again, Comparison, compare
from compbench.compare.lines import Line
from compbench.compare.match import Side
from compbench.compare.sections import sections
from compbench.errors import UserError
from compbench.gate.check import Verdict
from compbench.gate.paired_timing import Comparison as Measured
from compbench.results.record import Run
from compbench.results.row import Row
from compbench.statistics.intervals import Interval
from tests.factory import (
    ENVIRONMENT,
    SAMPLES,
    TARGET,
    lineage,
    make_run,
    status_row,
    variant_rows,
)

NAMES = ("teacher", "student", "small")
VARIANTS = {"teacher": lineage(), "student": lineage(model="mlp"), "small": lineage(model="mlp")}
NS = {
    "teacher": (20_000, 20_100, 20_050),
    "student": (10_000, 10_020, 9_990),
    "small": (5_000, 5_020, 4_990),
}
CONTROL_NS = (20_020, 20_080, 20_060)  # a noise floor, and a small one
LATER: dict[str, Any] = {"started": "2026-02-02T03:04:05+00:00"}
SLOW_CPU = ENVIRONMENT | {"cpu": "Other CPU", "versions": {"compbench": "0.2.0", "numpy": "2.0.0"}}


class Text(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "txt"


def rows_of(run: Run, **changes: dict[str, Any]) -> list[Row]:
    """All variants' rows, with `changes` of some."""
    rows = []
    for name in run.variants:
        figures = {"ns": NS.get(name, 5_000), "right": 90} | changes.get(name, {})
        rows += variant_rows(run, name, control_ns=CONTROL_NS, **figures)
    return rows


def made(label: str, run: Run | None = None, rows: Iterable[Row] | None = None) -> Side:
    run = run or make_run(VARIANTS)
    return match.side(label, run, rows_of(run) if rows is None else rows)


def rebuilt(rows: Iterable[Row], variant: str, key: str = "other") -> list[Row]:
    """The same figures of another file."""
    file = {"sha256": np.array(["b" * 64]), "opset": np.array([18])}
    return [
        replace(row, key=key, samples=file if row.metric == "file" else row.samples)
        if row.variant == variant
        else row
        for row in rows
    ]


def renamed(run: Run, rows: Iterable[Row], old: str, new: str) -> tuple[Run, list[Row]]:
    """The same jobs under another name."""
    variants = {new if name == old else name: v for name, v in run.variants.items()}
    rows = [replace(row, variant=new) if row.variant == old else row for row in rows]
    return run.model_copy(update={"variants": variants}), rows


def line(found: Comparison, variant: str, target: str = TARGET) -> Line:
    return next(x for x in found.of(target) if x.variant == variant)


A = made("a")


def test_an_unchanged_run_has_nothing_significant() -> None:
    found = compare(A, made("b"))
    assert [x.status for x in found.lines] == ["same"] * 3
    assert not any(x.is_significant for x in found.lines)
    assert [x.quality_basis for x in found.lines] == ["same answers"] * 3
    assert [x.speed_basis for x in found.lines] == ["denominator", "stored", "stored"]
    assert found.differences == ()
    assert "no significant change (2 comparisons" in render.table(found)


def test_a_slower_machine_of_equal_ratios_changes_nothing() -> None:
    run = make_run(VARIANTS)
    doubled = {name: {"ns": tuple(2 * ns for ns in NS[name])} for name in NAMES}
    rows = rows_of(run, **doubled)
    rows = [row for row in rows if row.metric != "control_latency_ns"]
    control = [row for row in rows_of(run) if row.metric == "control_latency_ns"]
    slow = [
        replace(r, samples={**r.samples, "duration_ns": 2 * r.samples["duration_ns"]})
        for r in control
    ]
    found = compare(A, made("b", run, rows + slow))
    assert not any(x.is_significant for x in found.lines)
    assert line(found, "student").b.p50_ns == 2 * (line(found, "student").a.p50_ns or 0)


def test_a_slower_variant_is_significant_and_the_others_are_not() -> None:
    run = make_run(VARIANTS)
    slow = {"ns": tuple(round(1.2 * ns) for ns in NS["student"])}
    found = compare(A, made("b", run, rows_of(run, student=slow)))
    student = line(found, "student")
    assert student.speed
    assert student.speed.interval.value == pytest.approx(1 / 1.2, rel=1e-3)
    assert student.speed.interval.high < 0.9
    assert student.speed.is_significant
    assert not line(found, "small").is_significant
    assert "student changed significantly: 1.20×" in render.table(found)
    assert ") slower than in A" in " ".join(render.table(found).split())


def test_what_the_noise_floor_explains_is_no_change() -> None:
    run = make_run(VARIANTS)
    slow = {"ns": tuple(round(1.2 * ns) for ns in NS["student"])}
    noisy = rows_of(run, student=slow)
    noisy = [row for row in noisy if row.metric != "control_latency_ns"]
    wild = variant_rows(run, "teacher", control_ns=(14_000, 20_000, 28_000))
    noisy += [row for row in wild if row.metric == "control_latency_ns"]
    student = line(compare(A, made("b", run, noisy)), "student")
    assert student.speed and student.speed.adjusted < 0.05
    assert not student.is_significant


def test_a_worse_accuracy_is_paired_on_the_same_images() -> None:
    run = make_run(VARIANTS)
    rows = rebuilt(rows_of(run, student={"right": 78}), "student")
    student = line(compare(A, made("b", run, rows)), "student")
    assert (student.status, student.quality_basis) == ("rebuilt", "paired")
    assert student.quality
    assert student.quality.interval.value == pytest.approx(-0.12)
    assert student.quality.p_value == pytest.approx(2 * 0.5**12)
    assert student.quality.adjusted == pytest.approx(3 * student.quality.p_value)
    assert student.is_significant


def test_many_comparisons_take_a_weak_change_s_significance() -> None:
    many = {**VARIANTS, **{f"v{i}": lineage() for i in range(9)}}
    run = make_run(many)
    rows = rebuilt(rows_of(run, student={"right": 84}), "student")  # six images: p = 0.03
    alone = line(
        compare(A, made("b", rows=rebuilt(rows_of(A.run, student={"right": 84}), "student"))),
        "student",
    )
    student = line(compare(made("a", run), made("b", run, rows)), "student")
    for found, tested in ((alone, 3), (student, 12)):
        assert found.quality
        assert found.quality.p_value == pytest.approx(0.03125)
        assert found.quality.adjusted == pytest.approx(0.03125 * tested)
        assert not found.is_significant


def test_many_targets_take_a_weak_change_s_significance() -> None:
    """Seven images lost on each of four targets: of one alone it would be a change."""
    said = {}
    for count in (1, 4):
        targets = {f"cpu_{i}": A.run.targets[TARGET] for i in range(count)}
        run = make_run(VARIANTS, targets=targets)
        rows = rebuilt(rows_of(run, student={"right": 83}), "student")
        found = compare(made("a", run), made("b", run, rows))
        assert found.tested == 3 * count
        for target in targets:
            change = line(found, "student", target).quality
            assert change and change.adjusted == pytest.approx(3 * count * 2 / 2**7)
        said[count] = any(x.is_significant for x in found.lines)
    assert said == {1: True, 4: False}
    assert "for the 12 comparisons of accuracy and speed on all targets" in " ".join(
        render.table(found).split()
    )


def test_a_rebuilt_file_of_the_same_bytes_says_so() -> None:
    rows = [replace(r, key="other") if r.variant == "student" else r for r in rows_of(A.run)]
    student = line(compare(A, made("b", rows=rows)), "student")
    assert student.status == "rebuilt"
    assert student.notes == ("the same file, byte for byte",)


def test_a_rebuilt_file_that_only_says_another_key_computes_the_same() -> None:
    net = {"net_sha256": np.array(["a" * 64])}  # what older files were, which said nothing
    rows = [
        replace(r, samples={**r.samples, **net}) if r.metric == "file" else r
        for r in rebuilt(rows_of(A.run), "student")
    ]
    student = line(compare(A, made("b", rows=rows)), "student")
    assert student.status == "rebuilt"
    assert student.quality_basis == "same answers"
    assert student.notes == (
        "the same net, bit for bit: only what the file says of itself differs",
    )


def test_another_recipe_is_told_option_by_option() -> None:
    options = {"technique": "train", "options": {"epochs": 20, "recipe": {"lr": 0.1}}}
    run = make_run(VARIANTS | {"student": lineage(model="mlp") | options})
    rows = rebuilt(rows_of(run), "student")
    student = line(compare(A, made("b", run, rows)), "student")
    assert student.status == "changed"
    assert student.notes == (
        "options.epochs: none became 20",
        "options.recipe.lr: none became 0.1",
    )


@pytest.mark.parametrize(("seeds", "is_changed"), [((0,), True), ((0, 1, 2), False)])
def test_another_recipe_is_judged_over_its_trainings(seeds: tuple[int, ...], is_changed: bool):
    """One file is better for sure; of three trainings one is worse, so the recipe need not be."""
    before = make_run(VARIANTS, seeds=seeds)
    options = {"technique": "train", "options": {"epochs": 20}}
    after = make_run(VARIANTS | {"student": lineage(model="mlp") | options}, seeds=seeds)
    right = dict(zip(seeds, (100, 100, 76), strict=False))
    rows = rebuilt(rows_of(after), "student")
    rows = [
        replace(row, samples={"score": (np.arange(SAMPLES) < right[row.seed]).astype(np.uint8)})
        if (row.variant, row.metric) == ("student", "score")
        else row
        for row in rows
    ]
    found = compare(made("a", before), made("b", after, rows))
    student = line(found, "student")
    assert student.quality and student.status == "changed"
    assert student.quality_basis == ("paired" if is_changed else "paired over seeds")
    assert student.quality.is_significant is is_changed
    said = "of these files" if is_changed else "of the recipes, over seeds and"
    assert said in " ".join(render.table(found).split())


def test_a_renamed_variant_is_known_by_its_key() -> None:
    run, rows = renamed(A.run, rows_of(A.run), "student", "pupil")
    found = compare(A, made("b", run, rows))
    assert [x.variant for x in found.lines] == ["teacher", "pupil (A: student)", "small"]
    pupil = line(found, "pupil (A: student)")
    assert (pupil.status, pupil.speed_basis, pupil.is_significant) == ("same", "stored", False)


def test_a_variant_of_another_name_and_key_is_in_one_run_only() -> None:
    run, rows = renamed(A.run, rebuilt(rows_of(A.run), "student"), "student", "pupil")
    found = compare(A, made("b", run, rows))
    assert line(found, "student").status == "only in A"
    assert line(found, "pupil").status == "only in B"
    assert line(found, "student").b.quality is None
    assert line(found, "student").quality is None


def test_a_renamed_baseline_is_what_speed_ups_are_over() -> None:
    run, rows = renamed(A.run, rows_of(A.run), "teacher", "master")
    run = run.model_copy(update={"baseline": "master"})
    found = compare(A, made("b", run, rows))
    assert found.denominator == "master (A: teacher)"
    assert line(found, "student").speed_basis == "stored"


def test_another_baseline_does_not_change_the_speeds() -> None:
    run = make_run(VARIANTS, baseline="student")
    rows = rows_of(A.run)
    found = compare(A, made("b", run, rows))
    small = line(found, "small")
    assert found.denominator == "teacher"
    assert small.a.speedup and small.b.speedup
    assert small.a.speedup.value == pytest.approx(small.b.speedup.value)
    assert "baseline: teacher became student" in found.differences


def test_arms_of_different_groups_are_compared_through_the_baseline_of_their_own() -> None:
    """Since groups, two arms may share no turn: not even a variant and what it is put over."""
    run = make_run(VARIANTS, baseline="student")
    rows = [apart(row) if row.variant == "small" else row for row in rows_of(run)]
    rows = [widened(row) if row.variant == "student" else row for row in rows]
    found = made("b", run, rows)
    assert found.log_speedups("small", "teacher", TARGET) == pytest.approx(
        made("a", run, rows_of(run)).log_speedups("small", "teacher", TARGET)
    )
    old = run.model_copy(update={"protocol": 1})
    assert made("old", old, rows_of(run)).log_speedups("small", "teacher", TARGET)


def apart(row: Row) -> Row:
    """As if the arm had been in another group: in turns of its own."""
    if "turn" not in row.samples:
        return row
    return replace(row, samples={**row.samples, "turn": row.samples["turn"] + 100})


def widened(row: Row) -> Row:
    """As if the arm had been in both groups, by the same times."""
    if "turn" not in row.samples:
        return row
    later = apart(row).samples
    samples = {n: np.concatenate([column, later[n]]) for n, column in row.samples.items()}
    return replace(row, samples=samples)


def test_without_a_common_baseline_no_stored_speed_is_compared() -> None:
    left = make_run({"teacher": lineage(), "small": lineage()})
    right = make_run({"student": lineage(), "small": lineage()})
    found = compare(made("a", left), made("b", right))
    assert found.denominator == ""
    assert line(found, "small").speed is None
    assert "nothing in common" in render.table(found)


def test_a_target_of_one_run_only_is_told() -> None:
    targets = {**A.run.targets, "gpu": {"provider": "cuda", "threads": 1, "batch_sizes": [1]}}
    run = make_run(VARIANTS, targets=targets)
    found = compare(made("a", run), made("b"))
    assert found.targets == (TARGET,)
    assert {x.status for x in found.of("gpu")} == {"only in A"}
    assert "target gpu: only in A" in found.differences
    assert "gpu: speed" not in render.table(found)


def test_failed_skipped_and_missing_variants_have_their_reasons() -> None:
    rows = [r for r in rows_of(A.run) if r.variant == "teacher"]
    rows.append(status_row("student", "out of memory"))
    found = compare(A, made("b", A.run.model_copy(update={"finished": None}), rows))
    assert line(found, "student").status == "failed"
    assert line(found, "student").notes == ("B: failed: out of memory",)
    assert line(found, "small").status == "missing"
    assert any(
        x.startswith("B: Incomplete: decide nothing by this. Missing: the run has not")
        for x in found.differences
    )
    skipped = [*rows_of(A.run), status_row("small", "no GPU", status="skipped", target=TARGET)]
    found = compare(A, made("b", rows=skipped))
    assert line(found, "small").status == "skipped"
    assert line(found, "small").notes == ("B: skipped: no GPU",)


def test_seeds_are_paired_where_both_runs_have_them() -> None:
    left, right = (make_run(VARIANTS, seeds=seeds) for seeds in ((0, 1), (1, 2)))
    found = compare(made("a", left), made("b", right, rebuilt(rows_of(right), "small")))
    assert line(found, "student").status == "same"
    assert line(found, "small").quality_basis == "paired"
    apart = make_run(VARIANTS, seeds=(7,))
    assert line(compare(A, made("b", apart)), "small").quality_basis == "unpaired"
    assert "seeds: 0 became 7" in compare(A, made("b", apart)).differences


@pytest.mark.parametrize(
    ("dataset", "basis", "told"),
    [
        ({"digest": "e" * 64}, "unpaired", "dataset: digits has another digest"),
        ({"name": "mnist"}, "", "dataset: digits became mnist: accuracies are not compared"),
        (
            {"digest": "e" * 64, "test_digest": "t"},
            "unpaired",
            "dataset: whether digits has the same test samples is unknown",
        ),
    ],
)
def test_other_samples_are_compared_unpaired_or_not_at_all(
    dataset: dict[str, str], basis: str, told: str
) -> None:
    run = make_run(VARIANTS, dataset=A.run.dataset | dataset)
    found = compare(A, made("b", run))
    assert {x.quality_basis for x in found.lines} == {basis}
    assert all(bool(x.quality) == bool(basis) for x in found.lines)
    assert any(line.startswith(told) for line in found.differences)


def test_the_same_test_samples_are_paired_whatever_trained() -> None:
    old, new = (
        make_run(VARIANTS, dataset={**A.run.dataset, "digest": letter * 64, "test_digest": "t"})
        for letter in "ef"
    )
    found = compare(made("a", old), made("b", new, rebuilt(rows_of(new), "small")))
    assert line(found, "small").quality_basis == "paired"
    told = "dataset: digits has the same test samples, but others to train or validate on"
    assert told in found.differences


def measured(ratio: float, verdict: Verdict, control: float = 1.001) -> Measured:
    around = Interval(ratio, ratio / 1.005, ratio * 1.005)
    return Measured(around, Interval(control, 1 / control, control), verdict, 5)


def test_what_is_measured_side_by_side_replaces_stored_times() -> None:
    b = made("b", rows=rebuilt(rebuilt(rows_of(A.run), "student"), "small"))
    again: Again = {
        ("teacher", TARGET): SAME_FILE,
        ("student", TARGET): measured(1.25, Verdict.FAIL),
        ("small", TARGET): "B's file is not in the store",
    }
    found = compare(A, b, again)
    teacher, student, small = found.lines
    assert (teacher.speed, teacher.speed_basis) == (None, "same file")
    assert student.speed and student.speed.interval.value == pytest.approx(0.8)
    assert (student.speed_basis, student.verdict) == ("side by side", "FAIL")
    assert student.speed.is_significant
    assert small.speed_basis == "stored"
    assert small.notes == (
        "not measured side by side: B's file is not in the store; "
        "stored times of different moments are compared",
    )
    assert "STORED TIMES" not in render.table(found)
    assert "STORED TIMES OF DIFFERENT MOMENTS" in render.table(compare(A, b))


def test_a_verdict_is_among_what_changed_where_noise_could_explain_it_too() -> None:
    b = made("b", rows=rebuilt(rows_of(A.run), "student"))
    said = {"FAIL": "student is slower side by side", "INCONCLUSIVE": "student is undecided side"}
    for verdict, words in said.items():
        again: Again = {
            **{(name, TARGET): SAME_FILE for name in NAMES},
            ("student", TARGET): measured(1.05, Verdict(verdict), control=1.06),
        }
        found = compare(A, b, again)
        student = line(found, "student")
        assert (student.verdict, student.is_significant) == (verdict, False)
        (changed,) = [one for one in sections(found) if one.title == "What changed"]
        text = " ".join(changed.lines)
        assert words in text
        assert ("no significant change" in text) == (verdict == "INCONCLUSIVE")


def test_the_same_file_on_another_machine_keeps_its_stored_times() -> None:
    b = made("b", make_run(VARIANTS, environment=SLOW_CPU))
    again: Again = {(name, TARGET): SAME_FILE for name in NAMES}
    assert line(compare(A, b, again), "student").speed_basis == "stored"
    assert line(compare(A, made("b"), again), "student").speed_basis == "same file"


def test_the_environment_is_told_field_by_field() -> None:
    environment = SLOW_CPU | {"git_commit": "ba9876543210", "load_1min": 7.0}
    found = compare(A, made("b", make_run(VARIANTS, environment=environment)))
    assert found.differences == (
        "git commit: 0123456789ab became ba9876543210",
        "CPU: Made-up CPU became Other CPU",
        "libraries.compbench: 0.1.0 became 0.2.0",
    )


def test_settings_are_told_one_by_one() -> None:
    targets = {TARGET: A.run.targets[TARGET] | {"threads": 4}}
    run = make_run(
        VARIANTS,
        suite="other",
        is_fast=True,
        targets=targets,
        measure=A.run.measure | {"launches": 2},
    )
    assert compare(A, made("b", run)).differences == (
        "suite: mine became other",
        "measured: with --fast: no became yes",
        "measured: launches: 3 became 2",
        "target cpu_1thread: threads: 1 became 4",
    )


def without_common(what: str) -> Side:
    if what == "variant":
        run = make_run({"techer": lineage(), "pupil": lineage()})
        rows = [replace(row, key=f"new-{row.key}") for row in rows_of(run)]
        return made("b", run, rows)
    return made("b", make_run(VARIANTS, targets={"cpu_2threads": A.run.targets[TARGET]}))


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("variant", "no variant is in both runs: A's 'teacher'; did you mean 'techer'?"),
        ("target", "no target is in both runs: A's 'cpu_1thread'; did you mean 'cpu_2threads'?"),
    ],
)
def test_runs_with_nothing_in_common_are_refused(what: str, message: str) -> None:
    with pytest.raises(UserError) as told:
        compare(A, without_common(what))
    assert str(told.value) == message


def test_names_that_are_not_alike_are_listed() -> None:
    run = make_run({"x": lineage()})
    rows = [replace(row, key="new") for row in rows_of(run)]
    with pytest.raises(UserError, match="A has teacher, student, small; B has x"):
        compare(A, made("b", run, rows))


def everything() -> Comparison:
    """One of each kind of line, on two machines."""
    variants = {**VARIANTS, "int8": lineage("quantize_static", "student"), "gone": lineage()}
    left = make_run(variants)
    later = {name: v for name, v in variants.items() if name != "gone"} | {"new": lineage()}
    later["small"] = later["small"] | {"options": {"epochs": 20}}
    right = make_run(later, environment=SLOW_CPU | {"git_commit": "ba9876543210"}, **LATER)
    slow = {"ns": tuple(round(1.3 * ns) for ns in NS["student"]), "right": 75, "size_bytes": 3_900}
    rows = rows_of(right, student=slow)
    rows = rebuilt(rebuilt(rows, "student"), "small", "newer")
    rows = [row for row in rows if row.variant != "int8"]
    rows.append(status_row("int8", "ValueError: no such operator"))
    return compare(made("results/runs/mine/a", left), made("results/runs/mine/b", right, rows))


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_the_whole_text(snapshot: SnapshotAssertion, form: str) -> None:
    found = render.render(everything(), form)
    assert found == snapshot.use_extension(Text)


def test_the_terminal_text_fits_and_has_no_colours() -> None:
    found = render.table(everything())
    assert max(map(len, found.splitlines())) <= units.TEXT_WIDTH
    assert "\x1b" not in found


def test_csv_and_json_have_the_frame() -> None:
    found = everything()
    frame = render.frame(found)
    csv = pd.read_csv(StringIO(render.render(found, "csv")), keep_default_na=False)
    assert list(csv.columns) == list(frame.columns)
    assert list(csv["variant"]) == [x.variant for x in found.lines]
    content = json.loads(render.render(found, "json"))
    assert content["differences"] == list(found.differences)
    assert content["a"] == {
        "run": "results/runs/mine/a",
        "suite": "mine",
        "started": "2026-01-02T03:04:05+00:00",
        "git_commit": "0123456789ab",
    }
    student = next(x for x in content["lines"] if x["variant"] == "student")
    expected = line(found, "student")
    assert expected.speed and expected.quality
    assert student["speed"] == pytest.approx(expected.speed.interval.value, rel=1e-12)
    assert student["speed_significant"] is True
    assert student["accuracy_change_p_holm"] == pytest.approx(expected.quality.adjusted)
    gone = next(x for x in content["lines"] if x["variant"] == "gone")
    assert (gone["status"], gone["accuracy_b"], gone["speed"]) == ("only in A", None, None)
    assert math.isclose(gone["accuracy_a"], 90 / SAMPLES)
