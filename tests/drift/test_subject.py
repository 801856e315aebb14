"""Which files of a run are compared with which."""

from __future__ import annotations

from pathlib import Path

import pytest

from compbench.drift.subject import subject, teacher
from compbench.errors import UserError
from tests.factory import VARIANTS, lineage, make_run
from tests.kept import write_run

AGAIN = "compbench run suites/mine.toml"


@pytest.mark.parametrize(
    ("variant", "found"),
    [("teacher", None), ("student", None), ("student_kd", "teacher"), ("int8", None)],
)
def test_who_taught_a_variant(variant: str, found: str | None) -> None:
    assert teacher(make_run(VARIANTS), variant) == found


def test_what_was_made_of_a_student_learnt_from_its_teacher() -> None:
    run = make_run(
        {
            "teacher": lineage(),
            "assistant": lineage("distill", "teacher"),
            "student": lineage("distill", "assistant"),
            "pruned": lineage("prune_channels", "student"),
            "int8": lineage("quantize_static", "pruned"),
        }
    )
    found = [teacher(run, name) for name in run.variants]
    assert found == [None, "teacher", "assistant", "assistant", "assistant"]


def test_the_files_of_the_first_seed_beside_the_baseline(tmp_path: Path) -> None:
    folder = write_run(tmp_path, seeds=(3, 4))
    (pair,) = subject(folder, tmp_path).pairs
    assert (pair.variant, pair.beside) == ("student", "teacher")
    assert [path.parent.name for path in pair.files] == ["teacher-3", "student-3"]
    assert [path.read_bytes()[:1] for path in pair.files] == [b"t", b"s"]


def test_what_failed_is_left_out_and_told(tmp_path: Path) -> None:
    files = {"teacher": b"t", "student": b"s"}
    found = subject(write_run(tmp_path, files, {"other": "out of memory"}), tmp_path)
    assert [pair.variant for pair in found.pairs] == ["student"]
    assert found.left_out == ("other failed",)


@pytest.mark.parametrize(
    ("files", "lost", "said"),
    [
        ({"teacher": b"t"}, {}, "this run has 'teacher' alone: there is nothing to compare it"),
        ({"teacher": b"t"}, {"student": "boom"}, "nothing to compare: 'student' failed: boom"),
        ({}, {"teacher": "boom", "student": "bang"}, "nothing to compare: 'student' failed: bang"),
    ],
)
def test_where_there_is_nothing_to_compare_it_is_said(
    tmp_path: Path, files: dict[str, bytes], lost: dict[str, str], said: str
) -> None:
    folder = write_run(tmp_path, files, lost)
    with pytest.raises(UserError, match=said):
        subject(folder, tmp_path)


def test_a_variant_beside_one_that_failed_is_refused_by_the_other_s_name(tmp_path: Path) -> None:
    folder = write_run(tmp_path, {"student": b"s"}, {"teacher": "boom"}, baseline="teacher")
    with pytest.raises(UserError, match=r"'teacher' \(seed 0\) has no file: boom"):
        subject(folder, tmp_path, ["student"])
