"""What a report says of shifted samples: the section and its picture."""

from __future__ import annotations

from dataclasses import replace

import pytest
from matplotlib import rc_context
from syrupy.assertion import SnapshotAssertion

from compbench.report import page
from compbench.report.gallery import gallery
from compbench.report.pictures.selection import MOST_SHIFTED
from compbench.report.pictures.shifts import degradation_curves
from compbench.report.pictures.style import STYLE
from compbench.report.section import Page
from compbench.report.section_list import places
from compbench.report.sections import shifts
from compbench.results.record import Run
from compbench.results.row import Row
from compbench.results.row_index import Rows
from compbench.statistics.summarise import summarise
from compbench.statistics.summary import Summaries
from tests.factory import (
    RMSE,
    SHIFTS,
    TARGET,
    lineage,
    make_row,
    make_run,
    shifted_rows,
    task_of,
    variant_rows,
)
from tests.golden import Markdown
from tests.report.test_other_metrics import FOREIGN

RUN = make_run(shifts=SHIFTS)
LOST = {"student": {"noise": 2, "fog": 4}, "student_kd": {"noise": 9, "fog": 12}, "pruned": {}}


def rows_of(run: Run) -> list[Row]:
    rows = [*variant_rows(run, "teacher"), *shifted_rows(run, "teacher")]
    for variant, lost in LOST.items():
        rows += [*variant_rows(run, variant, right=80), *shifted_rows(run, variant, 80, lost)]
    return rows


def summarised(run: Run = RUN) -> tuple[Page, Summaries]:
    rows = rows_of(run)
    summaries = summarise(run, rows)
    return Page(run, Rows(rows), summaries, target=TARGET), summaries


@pytest.fixture
def golden(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(Markdown)


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_the_section(seeds: tuple[int, ...], golden: SnapshotAssertion) -> None:
    page, _ = summarised(make_run(shifts=SHIFTS, seeds=seeds))
    blocks = [block for block in shifts.Section().content(page) if block]
    assert "\n\n".join(blocks) + "\n" == golden


def test_the_sentence_says_who_loses_more_less_or_neither() -> None:
    _, summaries = summarised()
    said = shifts.verdict(RUN, summaries, TARGET)
    assert said.startswith("On samples shifted so `student_kd` (−22.50 pp (")
    assert "loses significantly more accuracy; `pruned` (+9.00 pp (" in said
    assert "loses significantly less accuracy than the teacher, or the baseline" in said
    assert said.endswith("Undecided: `student` (0.00 pp (−6.29…+6.84) beside `teacher`).")


def test_nothing_that_chance_could_explain_is_called_a_loss() -> None:
    rows = [*variant_rows(RUN, "teacher"), *shifted_rows(RUN, "teacher")]
    rows += [*shifted_rows(RUN, "student", lost={"noise": 2.2, "fog": 4})]
    rows += [*shifted_rows(RUN, "pruned", 80, {"noise": 2, "fog": 4.4})]
    said = shifts.verdict(RUN, summarise(RUN, rows), TARGET)
    assert said.startswith("No variant is shown to lose more accuracy on samples shifted so than")
    assert "Undecided: `" in said


def test_a_cell_is_bold_where_more_is_lost_under_that_shift() -> None:
    _, summaries = summarised()
    table = {row["variant"]: row for row in shifts.quality_table(RUN, summaries, TARGET)}
    bold = {v: [n for n in SHIFTS if row[n].startswith("**")] for v, row in table.items()}
    assert bold == {"teacher": [], "student": [], "student_kd": ["noise", "fog"], "pruned": []}
    assert [row["it loses"] for row in table.values()] == ["–", "undecided", "more", "less"]


def test_many_names_are_cut_and_counted() -> None:
    names = [f"v{i}" for i in range(20)]
    run = make_run({"teacher": lineage()} | {n: lineage() for n in names}, shifts=SHIFTS)
    rows = [*shifted_rows(run, "teacher")]
    for name in names:
        rows += shifted_rows(run, name, lost={"noise": 9, "fog": 12})
    said = shifts.verdict(run, summarise(run, rows), TARGET)
    assert "`v5` (" in said and "`v6` (" not in said
    assert "and 14 others lose significantly more" in said


def test_one_shift_has_no_column_of_all() -> None:
    run = make_run(shifts={"noise": SHIFTS["noise"]})
    page, summaries = summarised(run)
    (first, *_) = shifts.quality_table(run, summaries, TARGET)
    assert "all shifts" not in first and "noise" in first
    assert "of all shifts" not in "".join(shifts.Section().content(page))


def test_a_report_without_shifts_has_no_such_section() -> None:
    run = make_run()
    rows = [*variant_rows(run, "teacher"), *variant_rows(run, "student")]
    text = page.render(run, rows, summarise(run, rows)).text
    assert "shift" not in text.replace("shift_pixels", "")


def test_what_failed_is_told() -> None:
    rows = rows_of(RUN)
    failed = {"samples": {}, "status": "failed", "reason": "out of memory"}
    rows = [
        replace(r, **failed) if (r.variant, r.shift, r.severity) == ("student", "fog", 2) else r
        for r in rows
    ]
    where = {"target": TARGET, "status": "failed", "shift": "noise", "severity": 1}
    rows.append(make_row("", "shifted_score", **where, reason="it has no spread"))
    found = shifts.failures(RUN, Rows(rows), summarise(RUN, rows), TARGET)
    assert found == ["noise at severity 1: it has no spread", "`student`: out of memory"]


def test_another_metric_has_its_own_words() -> None:
    run = make_run(
        shifts=SHIFTS,
        task=task_of(RMSE),
        dataset={
            "name": "molecules",
            "digest": "d" * 64,
            "inputs": {"features": {"dtype": "float32", "shape": [4], "normalisation": None}},
            "samples": dict.fromkeys(("train", "validation", "test"), 100),
        },
    )
    text = "\n".join(shifts.Section().content(summarised(run)[0]))
    assert "RMSE" in text and "eV" in text
    assert [line for line in text.splitlines() if FOREIGN.search(line)] == []
    assert "alibration" not in text


def test_the_picture_has_a_panel_a_shift_and_a_line_a_variant() -> None:
    _, summaries = summarised()
    with rc_context(STYLE):
        figure = degradation_curves(RUN, summaries, TARGET)
    panels = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_title(loc="left") for axes in panels] == ["noise", "fog"]
    assert [len(axes.containers) for axes in panels] == [4, 4]
    assert [int(tick) for tick in panels[0].get_xticks()] == [0, 1, 3, 5]
    (line, *_) = panels[0].containers[0]
    assert list(line.get_ydata()) == pytest.approx([0.9, 0.88, 0.84, 0.8])
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["teacher", *LOST]


def test_a_picture_leaves_some_out_and_says_so() -> None:
    names = [f"v{i}" for i in range(20)]
    run = make_run({"teacher": lineage()} | {n: lineage() for n in names}, shifts=SHIFTS)
    rows = [row for v in run.variants for row in (*variant_rows(run, v), *shifted_rows(run, v))]
    where = Page(run, Rows(rows), summarise(run, rows))
    (picture,) = (p for p in gallery(places(where)).pictures if p.kind == "shifts")
    assert f"{MOST_SHIFTED} of 21 variants are shown" in picture.caption
    with rc_context(STYLE):
        figure = picture.draw()
    assert len(figure.axes[0].containers) == MOST_SHIFTED
