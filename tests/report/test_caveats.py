from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from compbench.headline import ACCURACY
from compbench.report.sections.caveats import findings
from compbench.report.wording import spread_text, verdict
from compbench.results.record import Run
from compbench.results.row import Row
from compbench.results.row_index import Rows
from compbench.statistics.gaps import gaps
from compbench.statistics.intervals import Interval
from compbench.statistics.quality_change import QualityChange, between
from compbench.statistics.summarise import summarise
from compbench.statistics.summary import Summary
from compbench.statistics.teaching import Pair, helped
from tests.factory import (
    RUN,
    RUN_ROWS,
    TARGET,
    accuracy_row,
    exactly,
    lineage,
    make_row,
    make_run,
    make_summaries,
)
from tests.metric_runs import KINDS, metric_run

PARENT = Summary(
    "teacher", TARGET, speedup=Interval(2, 1.9, 2.1), size_bytes=1000, packed_bytes=900
)


def of_child(technique: str = "prune_channels", **fields: object) -> list[str]:
    run = make_run({"teacher": lineage(), "child": lineage(technique, "teacher")})
    child = Summary("child", TARGET, **fields)  # pyright: ignore[reportArgumentType]
    return findings(run, make_summaries(PARENT, child), TARGET)


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        (-1, ["`child` is 2.00× (1.67–2.50) slower than its parent `teacher`."]),
        (0, []),
        (1, []),
    ],
)
def test_one_slower_than_its_parent_is_told(side: int, expected: list[str]) -> None:
    ratio = Interval(0.5, 0.4, 0.6)
    assert of_child(parent_speedup=ratio, faster_than_parent=side) == expected


@pytest.mark.parametrize(
    ("size_bytes", "expected"),
    [
        (1020, ["`child` is a larger file than its parent `teacher`."]),
        (1001, []),
        (1000, []),
        (None, []),
    ],
)
def test_one_larger_than_its_parent_is_told(size_bytes: int | None, expected: list[str]) -> None:
    assert of_child(size_bytes=size_bytes) == expected


def test_a_student_is_another_net_than_its_teacher() -> None:
    bad = {"parent_speedup": exactly(0.5), "faster_than_parent": -1, "size_bytes": 9000}
    assert of_child("distill", **bad) == []
    assert len(of_child(**bad)) == 2


SPARSE: dict[str, Any] = {"parameters": 1000, "nonzero_parameters": 100, "size_bytes": 1000}


def test_sparse_but_neither_smaller_nor_faster_is_told() -> None:
    found = of_child(**SPARSE, packed_bytes=198, parent_speedup=Interval(1, 0.9, 1.1))
    assert found == [
        "`child` is sparse (90% zeros) but not smaller on disk than its parent `teacher` and not "
        "shown to differ in speed (1.00×, 0.900–1.10); packed it is 0.22× as large as its "
        "parent's packed file."
    ]


@pytest.mark.parametrize(
    ("nonzero", "size_bytes", "told"),
    [
        (500, 1000, "(50% zeros) but not smaller"),
        (100, 1200, "(90% zeros) but not smaller"),
        (100, 960, "(90% zeros) but not smaller"),
        (100, 800, "(90% zeros) but only 1.25× smaller"),
        (100, 666, None),
        (501, 1000, None),
        (100, None, None),
    ],
)
def test_how_much_smaller_a_sparse_file_is(
    nonzero: int, size_bytes: int | None, told: str | None
) -> None:
    found = of_child(parameters=1000, nonzero_parameters=nonzero, size_bytes=size_bytes)
    sentence = f"`child` is sparse {told} on disk than its parent `teacher`."
    assert found[-1:] == ([sentence] if told else [])


@pytest.mark.parametrize(
    ("speedup", "side", "told"),
    [
        (exactly(0.5), -1, " and 2.00× (2.00–2.00) slower"),
        (exactly(0.5), 0, " and not shown to differ in speed (0.500×, 0.500–0.500)"),
        (exactly(1.5), 1, ", though 1.50× (1.50–1.50) faster"),
        (None, 0, ""),
    ],
)
def test_how_fast_a_sparse_net_is_beside_its_parent(
    speedup: Interval | None, side: int, told: str
) -> None:
    found = of_child(**SPARSE, parent_speedup=speedup, faster_than_parent=side)
    assert found[-1].endswith(f"not smaller on disk than its parent `teacher`{told}.")


@pytest.mark.parametrize(
    ("packed_bytes", "told"),
    [(900, "; packed it is 1.00× as large as its parent's packed file"), (None, "")],
)
def test_what_packing_a_sparse_file_gives(packed_bytes: int | None, told: str) -> None:
    found = of_child(**SPARSE, packed_bytes=packed_bytes)
    assert found[-1].endswith(f"its parent `teacher`{told}.")


def test_a_sparse_net_without_a_parent_stands_beside_the_baseline() -> None:
    fast: dict[str, Any] = {"packed_bytes": 450, "speedup": exactly(9)}
    assert of_child("distill", **SPARSE, **fast) == [
        "`child` is sparse (90% zeros) but not smaller on disk than the baseline `teacher`; packed "
        "it is 0.50× as large as the baseline's packed file."
    ]


def test_a_sparse_baseline_has_nothing_to_stand_beside() -> None:
    run = make_run({"teacher": lineage()})
    sparse = Summary("teacher", TARGET, **SPARSE)
    assert findings(run, make_summaries(sparse), TARGET) == []


def test_a_failure_is_told_and_nothing_else_of_it() -> None:
    found = of_child(reason="failed: out of memory", speedup=exactly(0.5), size_bytes=9000)
    assert found == ["`child` has no figures: failed: out of memory."]


@pytest.mark.parametrize(
    ("threads", "cores", "told"), [(4, 2, True), (2, 2, False), (4, None, False)]
)
def test_more_threads_than_cores_are_told_first(
    threads: int, cores: int | None, told: bool
) -> None:
    run = make_run(
        targets={TARGET: {"threads": threads}}, environment=RUN.environment | {"cores": cores}
    )
    summaries = make_summaries(*(Summary(v, TARGET, reason="failed: x") for v in RUN.variants))
    found = findings(run, summaries, TARGET)
    sentence = f"{TARGET} asks for {threads} threads of 2 cores: they wait for each other."
    assert (found[0] == sentence) is told
    assert len(found) == len(RUN.variants) + told


@pytest.mark.parametrize(
    ("options", "flags", "target", "told"),
    [
        ({"weight_type": "int8", "reduce_range": False}, ["avx2"], {}, True),
        ({"weight_type": "int8", "reduce_range": True}, ["avx2"], {}, False),
        ({"weight_type": "uint8", "reduce_range": False}, ["avx2"], {}, False),
        ({"weight_type": "int8", "reduce_range": False}, ["avx512_vnni"], {}, False),
        ({"weight_type": "int8", "reduce_range": False}, ["avx2"], {"provider": "cuda"}, False),
        ({}, ["avx2"], {}, False),
    ],
)
def test_sums_that_saturate_on_the_measuring_cpu_are_told(
    options: dict, flags: list[str], target: dict, told: bool
) -> None:
    int8 = lineage("quantize_static", "teacher") | {"options": options}
    run = make_run(
        {"teacher": lineage(), "int8": int8},
        targets={TARGET: {**RUN.targets[TARGET], **target}},
        environment=RUN.environment | {"flags": flags},
    )
    summaries = make_summaries(Summary("teacher", TARGET), Summary("int8", TARGET))
    found = findings(run, summaries, TARGET)
    assert len(found) == told
    assert all(x.startswith("`int8`: full 8-bit weights on a CPU without native") for x in found)


def test_a_whole_run_has_no_gaps() -> None:
    assert [*gaps(RUN, Rows(RUN_ROWS))] == []


def test_lost_rows_are_named() -> None:
    run = RUN.model_copy(update={"finished": None})
    left = [r for r in RUN_ROWS if r.variant != "student" and r.launch != 1]
    assert [*gaps(run, Rows(left))] == [
        "the run has not come to its end",
        f"`student` on {TARGET}: no rows of seed 0",
        f"{TARGET}: no rows of launch 2",
    ]


def test_findings_are_made_from_rows() -> None:
    assert findings(RUN, summarise(RUN, RUN_ROWS), TARGET) == [
        "`int8` has no figures: failed: out of memory.",
    ]


def test_a_baseline_that_others_surely_exceed_is_doubted() -> None:
    found = summarise(RUN, RUN_ROWS)
    better = [replace(s, better=int(s.variant == "student_kd")) for s in found.all]
    assert findings(RUN, replace(found, all=tuple(better)), TARGET)[0] == (
        "`student_kd`: measurably more accurate than the baseline `teacher`, as trained here once, "
        "which may be trained too little to be compared with."
    )


def pairs(run: Run, rows: list[Row]) -> list[Pair]:
    return list(helped(run, Rows(rows), TARGET).pairs)


def test_a_student_is_compared_with_its_net_alone() -> None:
    ours, theirs = accuracy_row("student_kd", 95), accuracy_row("student", 80)
    change = between({0: ours.samples["score"]}, {0: theirs.samples["score"]})
    assert change is not None and change.files.value == pytest.approx(0.15)
    assert pairs(RUN, RUN_ROWS) == [Pair("student_kd", "student", "teacher", change)]


def test_only_seeds_that_both_have_are_compared() -> None:
    rows = [accuracy_row("student_kd", 90), accuracy_row("student_kd", 10, seed=1)]
    found = pairs(RUN, [*rows, accuracy_row("student", 80)])
    assert [pair.change.files.value for pair in found] == [pytest.approx(0.1)]
    assert pairs(RUN, [*rows, accuracy_row("student", 80, seed=2)]) == []
    assert pairs(RUN, rows) == []


@pytest.mark.parametrize(
    "control",
    [
        lineage(model="cnn"),
        lineage("prune_channels", "teacher", model="mlp"),
        lineage("train", "teacher", model="mlp"),
    ],
)
def test_a_control_is_the_same_net_trained_from_scratch(control: dict[str, object]) -> None:
    run = make_run(RUN.variants | {"student": control})
    assert pairs(run, RUN_ROWS) == []


@pytest.mark.parametrize(
    ("change", "p", "expected"),
    [
        (Interval(0.1, 0.01, 0.2), 0.01, "helped"),
        (Interval(-0.1, -0.2, -0.01), 0.01, "hurt"),
        (Interval(0.1, 0.01, 0.2), 0.06, "no difference shown"),  # corrected for the others
        (Interval(0.1, -0.01, 0.2), 0.04, "no difference shown"),
        (Interval(0.1, 0.0, 0.2), 0.04, "no difference shown"),
        (Interval(-0.1, -0.2, 0.0), 0.04, "no difference shown"),
    ],
)
def test_a_verdict_says_no_more_than_interval_and_p(
    change: Interval, p: float, expected: str
) -> None:
    assert verdict(QualityChange(1, change, p)) == expected
    wider = Interval(change.value, change.low - 0.3, change.high + 0.3)
    assert verdict(QualityChange(3, change, p, wider, p)) == "no difference shown"


def test_twenty_students_without_any_effect_are_not_called_helped() -> None:
    """Each alone has p = 0.03: one of so many is no news."""
    names = {f"kd_{i}": lineage("distill", "teacher", model="mlp") for i in range(20)}
    run = make_run({"teacher": lineage(), "student": lineage(model="mlp"), **names})
    rows = [accuracy_row("student", 80), *(accuracy_row(name, 80) for name in list(names)[1:])]
    rows.append(accuracy_row("kd_0", 86))
    (alone,) = pairs(make_run({k: run.variants[k] for k in ("teacher", "student", "kd_0")}), rows)
    assert verdict(alone.change) == "helped"
    found = pairs(run, rows)
    assert len(found) == 20
    assert {verdict(pair.change) for pair in found} == {"no difference shown"}


def test_an_assistant_is_corrected_together_with_teachers() -> None:
    distilled = partial(lineage, "distill", model="mlp")
    run = make_run(
        {
            "teacher": lineage(),
            "student": lineage(model="mlp"),
            "direct": distilled("teacher"),
            "assistant": lineage("distill", "teacher", model="cnn"),
            "assisted": distilled("assistant"),
        }
    )
    right = {"student": 80, "direct": 80, "assistant": 80, "assisted": 86}
    found = helped(run, Rows([accuracy_row(v, n) for v, n in right.items()]), TARGET)
    (chain,) = [x for x in found.assisted if x.change]
    assert len(found.changes) == 3  # two with a control, one with an assistant
    assert chain.change is not None
    assert chain.change.p_value == pytest.approx(3 * 2 / 2**6)
    assert verdict(chain.change) == "no difference shown"


@pytest.mark.parametrize(
    ("seed_sd", "expected"), [(None, "–"), (float("nan"), "–"), (0.0, "0.00"), (0.01234, "1.23")]
)
def test_the_spread_is_in_percentage_points(seed_sd: float | None, expected: str) -> None:
    assert spread_text(Summary("a", TARGET, seed_sd=seed_sd), ACCURACY) == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("factor", "told"), [(1.0, True), (0.9, True), (1.5, False)])
def test_a_baseline_at_chance_level_gets_a_remark(kind: str, factor: float, told: bool) -> None:
    """`factor`: of the baseline's own scores, which are errors: less is better."""
    run, rows = metric_run(kind)
    own = next(r for r in rows if r.metric == "score" and r.variant == run.baseline)
    blind = make_row("", "chance_score", samples={"score": factor * own.samples["score"]})
    found = findings(run, summarise(run, rows), TARGET, Rows([*rows, blind]))
    said = [line for line in found if "chance level" in line]
    assert bool(said) == told
    assert all(run.headline.label in line and " that looks at no input" in line for line in said)


@pytest.mark.parametrize(("right", "told"), [(35, True), (30, True), (60, False)])
def test_a_majority_class_is_chance_level(right: int, told: bool) -> None:
    blind = make_row(
        "", "chance_score", samples={"score": (np.arange(100) < 35).astype("u1")[::-1]}
    )
    rows = [
        accuracy_row("teacher", right) if (r.variant, r.metric) == ("teacher", "score") else r
        for r in RUN_ROWS
    ]
    found = findings(RUN, summarise(RUN, rows), TARGET, Rows([*rows, blind]))
    assert any("35.00 %, which an answer has that looks at no input" in x for x in found) == told


@pytest.mark.parametrize("share", [1.0, 0.75, None])
def test_files_that_answer_otherwise_alone_are_named(share: float | None) -> None:
    rows = [*RUN_ROWS]
    if share is not None:
        rows += [
            make_row(v, "batch_agreement", target=TARGET, value=share if v == "int8" else 1.0)
            for v in RUN.variants
        ]
    found = findings(RUN, summarise(RUN, rows), TARGET, Rows(rows))
    said = [line for line in found if "run alone" in line]
    assert len(said) == (share == 0.75)
    assert all(
        line.startswith("`int8` gives other answers to 25% of a few images") for line in said
    )
