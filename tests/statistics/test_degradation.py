"""What shifted samples do to variants, on rows whose every figure is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from compbench.results.row import Row
from compbench.results.row_index import Rows
from compbench.statistics import degradation
from compbench.statistics.degradation import Degradation, degradations
from compbench.statistics.quality_change import QualityChange, corrected
from compbench.statistics.scores import metric_interval
from compbench.statistics.significance import holm
from compbench.statistics.summarise import summarise
from tests.factory import RMSE, SHIFTS, TARGET, make_run, shifted_rows, task_of, variant_rows

RUN = make_run(shifts=SHIFTS)
ONE = {"noise": SHIFTS["noise"]}


def found(run=RUN, *, student_lost: dict[str, float] | None = None) -> dict[str, Degradation]:
    lost = student_lost or {"noise": 2, "fog": 4}
    rows = [
        *shifted_rows(run, "teacher"),
        *shifted_rows(run, "student", right=80, lost=lost),
        *shifted_rows(run, "student_kd", right=95, lost={"noise": 9, "fog": 12}),
    ]
    return degradations(run, Rows(rows), TARGET)


def test_a_shift_is_the_mean_over_its_severities_and_all_are_the_mean_over_them() -> None:
    teacher = found()["teacher"]
    assert teacher.quality == metric_interval([(np.arange(100) < 90).astype(np.uint8)])
    noise, fog = 0.90 - 0.02 * 3, 0.90 - 0.04 * 3
    assert teacher.by_shift["noise"].value == pytest.approx(noise)
    assert teacher.by_shift["fog"].value == pytest.approx(fog)
    assert teacher.shifted and teacher.shifted.value == pytest.approx((noise + fog) / 2)
    curve = {severity: one.value for severity, one in teacher.curves["noise"].items()}
    assert curve == pytest.approx({0: 0.9, 1: 0.88, 3: 0.84, 5: 0.80})
    for one in (teacher.shifted, *teacher.by_shift.values()):
        assert one.low < one.value < one.high


def test_whom_a_variant_stands_beside() -> None:
    run = make_run({**RUN.variants, "late": RUN.variants["student_kd"] | {"parents": ["student"]}})
    assert run.reference("teacher") is None
    assert {v: run.reference(v) for v in run.variants if v != "teacher"} == {
        "student": "teacher",  # the baseline
        "student_kd": "teacher",
        "pruned": "teacher",
        "int8": "teacher",
        "late": "student",  # which taught it
    }


def test_what_is_lost_is_beside_what_the_reference_loses() -> None:
    """However good each of them is as samples are."""
    student = found()["student"]
    assert student.change and student.change.interval.value == pytest.approx(0)
    taught = found()["student_kd"]
    assert taught.change
    assert taught.change.interval.value == pytest.approx(-3 * (7 + 8) / 2 / 100)
    assert taught.changes["noise"].interval.value == pytest.approx(-3 * 7 / 100)
    assert (student.change.side, taught.change.side) == (0, -1)
    assert found()["teacher"].change is None


def test_all_comparisons_are_corrected_together(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = list[float]()

    def kept(changes: Sequence[QualityChange]) -> list[QualityChange]:
        raw.extend(change.p_value for change in changes)
        return corrected(changes)

    monkeypatch.setattr(degradation, "corrected", kept)
    judged = [found()[v] for v in ("student", "student_kd")]
    told = [c.p_value for d in judged for c in (d.change, *d.changes.values()) if c]
    assert len(told) == 6, "two variants under two shifts, and under both"
    assert told == holm(raw[:6])
    only = found(make_run(shifts=ONE))["student_kd"]
    assert only.change is only.changes["noise"], "one shift is all that there is"


def test_a_variant_without_all_severities_has_no_mean_of_that_shift() -> None:
    rows = [*shifted_rows(RUN, "teacher"), *shifted_rows(RUN, "student")]
    lost = next(row for row in rows if row.variant == "student" and row.severity == 5)
    failed = replace(lost, samples={}, status="failed", reason="out of memory")
    found = degradations(RUN, Rows([failed if row is lost else row for row in rows]), TARGET)
    student = found["student"]
    assert lost.shift == "noise" and [*student.by_shift] == ["fog"]
    assert student.shifted is None and student.change is None
    assert [*student.changes] == ["fog"]
    assert student.reasons == ("out of memory",)
    assert [*student.curves["noise"]] == [0, 1, 3]
    assert found["teacher"].shifted


def test_a_run_without_shifted_rows_has_none() -> None:
    assert degradations(RUN, Rows([]), TARGET) == {}
    assert degradations(make_run(), Rows(shifted_rows(make_run(), "teacher")), TARGET)
    summaries = summarise(RUN, variant_rows(RUN, "teacher"))
    assert all(s.degradation is None and s.shifted_quality is None for s in summaries.all)


def test_agreement_and_calibration() -> None:
    one = found()
    assert one["teacher"].agreement is None and one["teacher"].shifted_agreement is None
    student = one["student"]
    assert student.agreement and student.agreement.value == pytest.approx(0.8)
    assert student.shifted_agreement and student.shifted_agreement.value == pytest.approx(0.71)
    # 80 right by 0.8 and 20 wrong by 0.6: |1 - 0.8| · 0.8 + |0 - 0.6| · 0.2
    assert student.calibration == pytest.approx(0.28, abs=1e-6)
    share = (0.8 - 0.02 * 3 + 0.8 - 0.04 * 3) / 2
    assert student.shifted_calibration == pytest.approx(0.2 * share + 0.6 * (1 - share), abs=1e-6)


def test_answers_that_are_all_the_same_are_not_sure_to_stay_so() -> None:
    rows = [
        replace(row, samples={**row.samples, "agreement": np.ones(100, np.float32)})
        for row in shifted_rows(RUN, "student")
    ]
    (student,) = degradations(RUN, Rows(rows), TARGET).values()
    assert student.agreement and student.agreement[:2] == pytest.approx((1, 0.963), abs=1e-3)
    assert student.shifted_agreement == student.agreement


def numbers(row: Row, factor: float) -> Row:
    scores = factor * (1 + row.severity) * (1 + np.random.default_rng(row.severity).random(100))
    return replace(row, samples={"score": scores})


def test_a_metric_that_is_lower_where_it_is_better() -> None:
    run = make_run(shifts=ONE, task=task_of(RMSE))
    rows = [numbers(row, 1) for row in shifted_rows(run, "teacher")]
    rows += [numbers(row, 4) for row in shifted_rows(run, "student")]
    found = degradations(run, Rows(rows), TARGET)
    student, teacher = found["student"], found["teacher"]
    assert student.by_shift["noise"].value == pytest.approx(2 * teacher.by_shift["noise"].value)
    assert student.change and student.change.interval.value > 0 and student.change.side == -1
    assert student.calibration is None and student.agreement is None


def test_with_seeds_it_is_of_the_technique() -> None:
    run = make_run(shifts=SHIFTS, seeds=(0, 1, 2))
    one = found(run)["student_kd"]
    assert one.change and one.change.seeds == 3 and one.change.technique is not None


def test_the_summary_has_the_figures() -> None:
    rows = [*variant_rows(RUN, "teacher"), *variant_rows(RUN, "student_kd")]
    rows += [*shifted_rows(RUN, "teacher"), *shifted_rows(RUN, "student_kd", 95, {"fog": 15})]
    summary = summarise(RUN, rows).find("student_kd", TARGET)
    assert summary.degradation and summary.degradation.change
    assert summary.shifted_quality == summary.degradation.shifted
    assert summary.shifted_change == summary.degradation.change.interval
    assert summary.shifted_p == summary.degradation.change.p_value
    assert summary.shifted_better == -1
    assert summary.calibration_error == summary.degradation.calibration
