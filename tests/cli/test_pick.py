from __future__ import annotations

import json

import pytest

from compbench.cli.output import Output
from compbench.cli.pick import choose
from compbench.errors import UserError
from compbench.statistics.summarise import summarise
from tests.factory import RUN, RUN_ROWS, TARGET, make_run, variant_rows

SUMMARIES = summarise(RUN, RUN_ROWS)


def test_the_choice_is_said_with_its_limits_and_what_excluded_the_others() -> None:
    chosen = choose(RUN, SUMMARIES, None, {"--max-drop": "50pp", "--max-bytes": "1KB"})
    assert chosen.sentence() == (
        f"{TARGET}: at most 50 pp below teacher and at most 1.00 KB: take student: 2.00× "
        "(2.00–2.00) faster, 4.00× smaller (1.00 KB instead of 4.00 KB), accuracy −10.00 pp "
        "(−17.44…−5.52)"
    )
    record = chosen.record()
    assert json.loads(json.dumps(record)) == record
    assert record["taken"] == "student"
    assert record["excluded"] == {
        "teacher": {"bytes": "4.00 KB"},
        "student_kd": {"bytes": "4.00 KB"},
        "pruned": {"bytes": "4.00 KB"},
        "int8": {"failed": "failed: out of memory"},
    }
    assert record["drops"]["student"]["standing"] == "within"
    assert record["candidates"] == 1  # the others are too large, whatever they lose
    assert chosen.table().row_count == 5


def test_what_the_images_cannot_decide_is_a_guess() -> None:
    chosen = choose(RUN, SUMMARIES, None, {"--max-drop": "21pp", "--max-bytes": "1KB"})
    assert chosen.sentence().startswith(
        f"{TARGET}: nothing is shown to be at most 21 pp below teacher and at most 1.00 KB; best "
        "guess: student: 2.00× (2.00–2.00) faster"
    )
    assert "undecided, some " in chosen.sentence()
    record = chosen.record()
    assert (record["taken"], record["guess"]) == (None, "student")
    drop = record["drops"]["student"]
    assert drop["standing"] == "undecided"
    assert drop["change"]["low"] < -0.21 < drop["change"]["high"]
    assert drop["samples"] == 100 < drop["samples_to_decide"]
    assert "undecided" in record["excluded"]["student"]


def test_what_is_not_given_is_as_the_suite_says() -> None:
    run = make_run(pick={"max_drop": 0.5, "max_bytes": 1000.0, "target": TARGET})
    assert choose(run, SUMMARIES, None, {}).record()["taken"] == "student"
    stricter = choose(run, SUMMARIES, None, {"--max-drop": "1pp"})
    assert stricter.record()["taken"] is None
    assert stricter.sentence().endswith(
        "nothing is shown to be at most 1 pp below teacher and at most 1.00 KB"
    )


def test_the_baseline_is_kept_where_nothing_beats_it() -> None:
    chosen = choose(RUN, SUMMARIES, TARGET, {})
    assert chosen.choice.is_baseline
    sure = "keep teacher: nothing else shown to be at most 1 pp below teacher is measurably faster"
    assert sure in chosen.sentence()


@pytest.mark.parametrize(
    ("target", "given", "message"),
    [
        ("cpu_1tread", {}, "--target: this run has no target 'cpu_1tread'; did you mean"),
        (None, {"--max-drop": "a bit"}, "--max-drop: 'a bit' should be percentage points"),
        (None, {"--max-drop": "2"}, "write 2pp"),
        (None, {"--max-bytes": "tiny"}, "--max-bytes: 'tiny' should be a size such as 200KB"),
        (None, {"--max-latency": "5"}, "--max-latency: '5' should be a time with its unit"),
    ],
)
def test_what_is_wrong_is_one_line(
    target: str | None, given: dict[str, str | None], message: str
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        choose(RUN, SUMMARIES, target, given)
    assert "\n" not in str(caught.value)


def test_where_nothing_was_excluded_there_is_no_table(capsys) -> None:
    run = make_run({"teacher": RUN.variants["teacher"]})
    chosen = choose(run, summarise(run, variant_rows(run, "teacher")), None, {})
    Output().show_choice(chosen)
    printed = capsys.readouterr().out
    assert printed.startswith(f"{TARGET}: keep teacher: nothing else shown to be at most 1 pp ")
    assert "excluded by" not in printed


def test_without_a_baseline_the_reason_is_said() -> None:
    run = make_run({"int8": RUN.variants["teacher"]})
    with pytest.raises(UserError, match="'int8' has no figures: failed: out of memory"):
        choose(run, summarise(run, RUN_ROWS), None, {})
