from __future__ import annotations

from collections.abc import Sequence

import pytest

from compbench.report.sections.candidates import candidates
from compbench.report.sections.in_short import summary_table
from compbench.report.sections.recommendation import answer
from compbench.results.record import Run
from compbench.statistics.pick import pick
from compbench.statistics.summarise import summarise
from compbench.statistics.summary import Summaries
from tests.factory import TARGET, lineage, make_run, variant_rows

SAMPLES = 100  # of a split, as the factory has them


def measured(max_drop: float, **figures: Sequence[int]) -> tuple[Run, Summaries]:
    """Variants by name, of validation images and test images that are right; all are faster."""
    names = {"teacher": (90, 90), **figures}
    run = make_run({name: lineage() for name in names}, pick={"max_drop": max_drop})
    rows = []
    for name, (validation, right) in names.items():
        ns = 20_000 if name == "teacher" else 10_000
        rows += variant_rows(run, name, ns=ns, validation=validation, right=right)
    return run, summarise(run, rows)


def test_a_choice_that_the_test_images_contradict_says_so() -> None:
    text = answer(*measured(0.2, fast=(88, 40)), TARGET)
    assert text.startswith(f"**On {TARGET}, take `fast`**")
    assert "**The test images contradict the choice**: there it changes −50.00 pp (" in text
    assert "which chose nothing" in text


@pytest.mark.parametrize("right", [88, 80, 68])
def test_one_that_they_do_not_contradict_says_nothing(right: int) -> None:
    assert "contradict" not in answer(*measured(0.2, fast=(88, right)), TARGET)


def test_where_nothing_is_shown_the_best_guess_is_called_one() -> None:
    text = answer(*measured(0.05, fast=(88, 88)), TARGET)
    first, *_ = text.splitlines()
    assert first.startswith(f"**On {TARGET}, nothing better is shown to be at most 5 pp below")
    assert "the best guess is `fast`**" in first
    assert "undecided, some " in text and "take `" not in text


def test_every_variant_has_its_figures_on_validation() -> None:
    run, summaries = measured(0.1, fast=(90, 90), lossy=(50, 50), unsure=(82, 82))
    choice = pick(run, summaries, TARGET)
    assert choice is not None
    table = {row["variant"]: row for row in candidates(summaries, TARGET, choice)}
    assert {name: row["within 10 pp"] for name, row in table.items()} == {
        "fast": "within",
        "lossy": "beyond",
        "unsure": "undecided",
    }
    assert all(" pp (" in row["change on validation"] for row in table.values())
    assert table["fast"]["images that would decide"] == "–"
    assert int(table["unsure"]["images that would decide"].replace(",", "")) > SAMPLES
    assert table["fast"]["choice"] == "taken"


def test_in_short_has_a_row_for_the_most_accurate_and_a_use_for_none_is_a_reason() -> None:
    run, summaries = measured(0.1, fast=(89, 89), lossy=(50, 50), unsure=(79, 82))
    uses = {row["model"]: row["best use"] for row in summary_table(run, summaries, TARGET)}
    assert uses["`teacher`"] == "most accurate (90.00 %)"
    assert uses["`fast`"].startswith("**recommended**: ")
    assert uses["`lossy`"] == "none: it loses more than the limit"
    assert uses["`unsure`"] == "none shown: by the estimate it loses more than the limit"
    assert not any("another is better at each" in use for use in uses.values())
