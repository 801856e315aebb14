"""Rows of shifted samples in a run whose slow parts are replaced: planned, resumed, failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compbench.contracts import kinds
from compbench.contracts.inputs import PIXELS
from compbench.errors import JobFailed
from compbench.measure.shifted import METRIC, shifted
from compbench.results.folder import row_files
from compbench.results.row import Row
from compbench.run import stages
from compbench.run.steps import Steps
from compbench.runtime import inference
from compbench.shifts import noise
from tests.run.test_stages import ALL, CPU, MATRIX, SUITE, Lab, lab  # noqa: F401, a fixture

SHIFTS = "[shifts]\nnoise = { severities = [1, 5] }\nblur = { severities = [3] }\n"
TEXT = SUITE + SHIFTS
ONE = SUITE + "[shifts]\nnoise = { severities = [5] }\n"  # processes start slowly
CONDITIONS = [("", 0), ("noise", 1), ("noise", 5), ("blur", 3)]


def told(rows: list[Row]) -> dict[tuple[str, str, int], Row]:
    return {(r.variant, r.shift, r.severity): r for r in rows if r.metric == METRIC}


def test_every_file_has_a_row_for_each_severity(lab: Lab) -> None:  # noqa: F811
    work = lab.run(TEXT)
    found = told(lab.rows)
    assert {*found} == {(v, *condition) for v in ALL for condition in CONDITIONS}
    assert {row.target for row in found.values()} == {CPU}
    assert work.failures == [] and work.left() == []
    names = [name for name in row_files(lab.root / "run") if name.startswith("shift.")]
    assert names == [f"shift.{one}.{CPU}" for one in ("blur.3", "clean.0", "noise.1", "noise.5")]


def test_scores_answers_and_confidence_are_those_of_the_file(lab: Lab) -> None:  # noqa: F811
    lab.run(ONE)
    rows, data = told(lab.rows), lab.data
    test = shifted(data.test, kinds.made_shift("noise"), 5, data.training)
    prepared = data.training.prepared(test.arrays)[PIXELS]
    outputs = prepared.reshape(len(test), -1) @ MATRIX
    row = rows["kd", "noise", 5]
    np.testing.assert_array_equal(row.samples["score"], outputs.argmax(1) == test.targets)
    odds = np.exp(outputs - outputs.max(1, keepdims=True))
    np.testing.assert_allclose(
        row.samples["confidence"], (odds / odds.sum(1)[:, None]).max(1), 1e-4
    )
    assert row.samples["score"].dtype == np.uint8
    np.testing.assert_array_equal(row.samples["agreement"], np.ones(len(test)))  # the same MATRIX
    clean = {row.variant: row for row in lab.rows if row.metric == "score"}
    for variant in ALL:
        plain = rows[variant, "", 0].samples["score"]
        np.testing.assert_array_equal(plain, clean[variant].samples["score"])


def test_the_baseline_has_nobody_to_agree_with(lab: Lab) -> None:  # noqa: F811
    lab.run(ONE)
    rows = told(lab.rows)
    assert "agreement" not in rows["alone", "noise", 5].samples
    assert all("agreement" in rows[v, "noise", 5].samples for v in ("teacher", "kd", "q"))


def test_a_suite_without_shifts_is_as_it_was(lab: Lab) -> None:  # noqa: F811
    work = lab.run()
    assert told(lab.rows) == {}
    assert not any(name.startswith("shift") for name in row_files(lab.root / "run"))
    assert not any(name.startswith("shift") for name in work.steps.row_names())


def test_what_was_measured_is_not_measured_again(lab: Lab, monkeypatch) -> None:  # noqa: F811
    lab.run(TEXT)
    (lab.root / "run" / "rows" / f"shift.noise.5.{CPU}.jsonl").unlink()
    done = list[tuple[str, int]]()
    kept = stages.Shifted.samples

    def samples(self: Any, shift: Any, severity: int) -> Any:
        done.append((type(shift).__module__.rpartition(".")[2], severity))
        return kept(self, shift, severity)

    monkeypatch.setattr(stages.Shifted, "samples", samples)
    work = lab.work(TEXT)
    assert [step.label for step in work.left()] == [f"test samples with noise, severity 5 on {CPU}"]
    work.run()
    assert done == [("noise", 5)]
    assert len(told(lab.rows)) == len(ALL) * len(CONDITIONS)


def test_a_shift_that_fails_is_told_once_and_all_else_is_measured(
    lab: Lab,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def begin(self: Any, data: Any) -> Any:
        raise ZeroDivisionError("no spread")

    monkeypatch.setattr(noise.Shift, "begin", begin)
    work = lab.run(TEXT)
    failed = [row for row in lab.rows if row.status == "failed"]
    assert [(r.variant, r.shift, r.severity) for r in failed] == [
        ("", "noise", 1),
        ("", "noise", 5),
    ]
    path = lab.root / "run" / f"error-shift.noise.1.{CPU}.txt"
    said = f"ZeroDivisionError: no spread (traceback: {path})"
    assert work.failures[0] == f"all variants on {CPU}: noise at severity 1: {said}"
    assert "Traceback" in path.read_text()
    assert {(v, "blur", 3) for v in ALL} <= {*told(lab.rows)}
    assert lab.having("latency_ns") == sorted(ALL)
    again = lab.work(TEXT)
    assert again.left() == [] and len(again.failures) == 2


def test_a_file_that_fails_there_fails_its_row_and_children_lack_its_answers(
    lab: Lab,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    infer = inference.infer

    def broken(worker: Any, file: str, *given: Any, **asked: Any) -> inference.Inferred:
        if lab._variant(file) == "teacher" and "shifted" in given:
            raise JobFailed("out of memory")
        return infer(worker, file, *given, **asked)

    monkeypatch.setattr(inference, "infer", broken)
    work = lab.run(ONE)
    rows = told(lab.rows)
    failed = rows["teacher", "noise", 5]
    assert (failed.status, failed.reason) == ("failed", "out of memory")
    assert "agreement" not in rows["kd", "noise", 5].samples, "its teacher did not answer"
    assert "agreement" in rows["q", "noise", 5].samples, "the baseline did"
    assert f"teacher (seed 0) on {CPU}: noise at severity 5: out of memory" in work.failures
    assert lab.having("latency_ns") == sorted(ALL), "it is timed all the same"


def test_what_was_not_made_is_left_out(lab: Lab) -> None:  # noqa: F811
    lab.broken["teacher"] = JobFailed("the loss is nan")
    lab.run(ONE)
    assert {variant for variant, *_ in told(lab.rows)} == {"alone"}


TARGETS = """
[targets.other]
provider = "cpu"
[targets.{CPU}]
threads = 1
[pick]
target = "cpu_1thread"
""".replace("{CPU}", CPU)


def test_they_are_run_on_the_target_that_decides(lab: Lab) -> None:  # noqa: F811
    lab.run(ONE + TARGETS)
    assert {row.target for row in told(lab.rows).values()} == {CPU}


def test_a_target_that_is_not_here_does_not_decide(tmp_path: Path, lab: Lab) -> None:  # noqa: F811
    work = lab.work(TEXT + TARGETS)
    without = Steps(work.suite, work.jobs, work.folder, {CPU: "no such build"})
    assert {one.target for one in without.shiftings()} == {"other"}
    nowhere = Steps(work.suite, work.jobs, work.folder, {CPU: "none", "other": "none"})
    assert nowhere.shiftings() == []
    names = {f"shift.{what}.{t}" for what in ("clean.0", "noise.1") for t in (CPU, "other")}
    assert names <= work.steps.row_names(), "rows of before another target was there are known"
