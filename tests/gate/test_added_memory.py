"""A model that grew is found beside a runtime that is many times as large."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compbench.errors import JobFailed
from compbench.gate import added_memory
from compbench.gate.added_memory import Added, judged, measured
from compbench.gate.check import Pair, Verdict
from compbench.runtime.target import Target

RUNTIME = 65_000_000
STUDENT, TEACHER = 10_500_000, 13_600_000  # bytes that nets of 408 KB and 1.7 MB add
PAIR = Pair("net", "cpu", Target(), Path("new.onnx"), Path("old.onnx"))
IMAGES = {"x": np.zeros((1, 4), np.float32)}


def columns(added: int, count: int) -> dict[str, np.ndarray]:
    base = RUNTIME + 100_000 * np.arange(count)  # processes differ, but not in what a model adds
    return {"base_bytes": base, "peak_bytes": base + added + 1_000 * np.arange(count)}


def measure(monkeypatch: pytest.MonkeyPatch, candidate: int, baseline: int) -> added_memory.Growth:
    def footprints(file: str, target: Target, count: int, images: Any) -> dict[str, np.ndarray]:
        return columns(candidate if file == "new.onnx" else baseline, count)

    monkeypatch.setattr(added_memory, "footprints", footprints)
    return measured(PAIR, IMAGES, 1.1, 3)


def test_a_student_that_became_its_teacher_fails(monkeypatch) -> None:
    found = measure(monkeypatch, TEACHER, STUDENT)
    assert found.verdict is Verdict.FAIL
    assert found.candidate == pytest.approx(TEACHER, abs=3_000)
    assert found.more.value == TEACHER - STUDENT
    assert (found.processes, found.note) == (6, "measured again, after 3 that failed as well")


@pytest.mark.parametrize("candidate", [STUDENT, STUDENT + 1_500_000, 0])
def test_what_adds_no_more_than_is_allowed_passes(candidate: int, monkeypatch) -> None:
    found = measure(monkeypatch, candidate, STUDENT)
    assert (found.verdict, found.processes, found.note) == (Verdict.PASS, 3, "")


def test_which_file_does_not_work_is_told(monkeypatch) -> None:
    def footprints(file: str, *_: Any) -> dict[str, np.ndarray]:
        if file == "old.onnx":
            raise JobFailed("no model")
        return columns(1, 3)

    monkeypatch.setattr(added_memory, "footprints", footprints)
    with pytest.raises(JobFailed, match=r"the baseline, old.onnx: no model"):
        measured(PAIR, IMAGES, 1.1, 3)


def judge(candidates: list[int]) -> added_memory.Growth:
    left = list(candidates)
    return judged(lambda count: [Added(left.pop(0), STUDENT) for _ in range(count)], 1.1, 3)


def test_noisy_processes_are_extended_and_then_say_how_many_would_decide() -> None:
    noisy = [STUDENT, STUDENT + 3_000_000, STUDENT]
    assert judge([*noisy, STUDENT, STUDENT, STUDENT]).processes == 6
    found = judge([*noisy, *noisy])
    assert (found.verdict, found.processes) == (Verdict.INCONCLUSIVE, 6)
    assert found.note.startswith("about ") and found.note.endswith(" would decide")


def test_a_failure_that_is_not_found_again_is_none() -> None:
    found = judge([TEACHER] * 3 + [STUDENT] * 6)
    assert (found.verdict, found.processes) == (Verdict.INCONCLUSIVE, 9)
    assert found.note == "it failed at first, and not when it was measured again"
