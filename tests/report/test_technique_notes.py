"""What techniques say of their own work reaches who reads the report."""

from __future__ import annotations

import numpy as np

from compbench.report.sections.technique_notes import said
from compbench.results.row import Row
from compbench.results.row_index import Rows
from tests.factory import RUN, make_row


def told(variant: str, seed: int, *texts: str) -> Row:
    return make_row(variant, "notes", seed=seed, samples={"text": np.array(texts)})


def test_a_row_for_each_note_in_the_order_of_the_suite() -> None:
    rows = [told("student", 0, "2 layers stay dense"), told("teacher", 0, "one", "an\x1b[2Jother")]
    assert said(RUN.model_copy(update={"seeds": (0,)}), Rows(rows)) == [
        {"variant": "teacher", "note": "one"},
        {"variant": "teacher", "note": r"an\x1b[2Jother"},
        {"variant": "student", "note": "2 layers stay dense"},
    ]


def test_seeds_are_named_where_not_all_said_it() -> None:
    run = RUN.model_copy(update={"seeds": (0, 1, 2)})
    rows = [told("student", seed, "all", *(["two"] if seed else [])) for seed in run.seeds]
    assert said(run, Rows(rows)) == [
        {"variant": "student", "note": "all"},
        {"variant": "student (seed 1, 2)", "note": "two"},
    ]


def test_nothing_said_is_no_section() -> None:
    assert said(RUN, Rows([])) == []
