from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compbench.report.sections import (
    assistants,
    cost,
    failed_and_skipped,
    families,
    main_table,
    significance,
    teaching_cost,
)
from compbench.results.record import Run
from compbench.results.row import Row
from compbench.results.row_index import Rows
from compbench.statistics import lineage as statistics_lineage
from compbench.statistics.summarise import summarise
from compbench.statistics.teaching import helped
from tests.factory import (
    RUN,
    RUN_ROWS,
    TARGET,
    accuracy_row,
    lineage,
    make_run,
    status_row,
    variant_rows,
)

CHAIN = {
    "teacher": lineage(),
    "alone": lineage(model="mlp"),
    "helper": lineage("distill", "teacher", model="small"),
    "helped": lineage("distill", "helper", model="mlp"),
    "straight": lineage("distill", "teacher", model="mlp"),
    "pruned": lineage("prune_channels", "teacher"),
    "zeros": lineage("prune_weights", "pruned"),
    "int8": lineage("quantize_static", "zeros"),
    "own": lineage("my.package.shrink:Technique", "teacher"),
}


@pytest.mark.parametrize(
    ("variant", "kind", "family"),
    [
        ("teacher", "baseline", "trained"),
        ("alone", "trained alone", "trained"),
        ("helper", "distilled", "distilled"),
        ("helped", "distilled → distilled", "distilled"),
        ("pruned", "pruned", "pruned"),
        ("zeros", "pruned → pruned", "pruned"),
        ("int8", "pruned → pruned → quantized", "chains"),
        ("own", "shrink", "shrink"),
    ],
)
def test_what_was_done_is_said_in_words(variant: str, kind: str, family: str) -> None:
    run = make_run(CHAIN)
    assert statistics_lineage.kind(run, variant) == kind
    assert statistics_lineage.family(run, variant) == family


def chain_rows(run: Run, **right: int) -> list[Row]:
    return [
        row
        for variant in run.variants
        for row in variant_rows(run, variant, right=right.get(variant, 80), seconds=4)
    ]


def test_an_assistant_is_judged_by_the_student_that_did_without() -> None:
    run = make_run(CHAIN)
    rows = Rows(chain_rows(run, helped=90, straight=70))
    (found,) = helped(run, rows, TARGET).assisted
    assert (found.teacher, found.assistant, found.student) == ("teacher", "helper", "helped")
    assert found.direct == "straight"
    assert found.change is not None and found.change.files.value == pytest.approx(0.2)


def test_without_that_student_the_assistant_is_not_judged() -> None:
    run = make_run({name: CHAIN[name] for name in ("teacher", "helper", "helped")})
    rows = chain_rows(run)
    (row,) = assistants.assistants(helped(run, Rows(rows), TARGET), summarise(run, rows), TARGET)
    assert row["verdict"] == "not in this suite"
    assert row["straight from the teacher"] == row["difference"] == "–"


def test_options_tell_students_apart() -> None:
    other = CHAIN["straight"] | {"options": {"temperature": 9.0}}
    run = make_run(CHAIN | {"straight": other})
    (found,) = helped(run, Rows(chain_rows(run)), TARGET).assisted
    assert found.direct is None


def test_a_family_shows_its_best_within_the_limit() -> None:
    run = make_run(CHAIN, pick={"max_drop": 0.2})  # a hundred images decide no less
    rows = [
        *variant_rows(run, "teacher", ns=20_000, right=90, validation=90),
        *variant_rows(run, "pruned", ns=10_000, right=89, validation=90, size_bytes=3000),
        *variant_rows(run, "zeros", ns=5_000, right=50, validation=50, size_bytes=1000),
        *variant_rows(run, "helper", ns=20_000, right=40, validation=40),
        *(status_row(v, "no") for v in ("alone", "helped", "straight", "int8", "own")),
    ]
    pruned, distilled = (
        next(r for r in families.by_family(run, summarise(run, rows), TARGET) if r["family"] == f)
        for f in ("pruned", "distilled")
    )
    assert pruned == {
        "family": "pruned",
        "variants": "2",
        "within the limit": "1",
        "perhaps": "0",
        "accuracy change (pp)": "−40.00 to −1.00",
        "fastest within it": "`pruned` 2.00× (2.00–2.00)",
        "smallest within it": "`pruned` 3.00 KB",
    }
    assert (distilled["within the limit"], distilled["fastest within it"]) == ("0", "–")
    assert distilled["accuracy change (pp)"] == "−50.00"


def test_a_lineage_costs_each_ancestor_once_beside_the_baseline() -> None:
    run = make_run(CHAIN)
    rows = chain_rows(run)
    costs = {row["variant"]: row for row in cost.costs(run, summarise(run, rows))}
    assert costs["int8"]["lineage"] == "teacher → pruned → zeros → int8"
    assert costs["int8"]["with ancestors (s)"] == "16.0"
    assert costs["int8"]["own / teacher"] == "100 %"
    assert costs["int8"]["lineage / teacher"] == "400 %"
    assert costs["teacher"]["lineage / teacher"] == "100 %"
    other = run.model_copy(update={"baseline": "int8"})
    costs = {row["variant"]: row for row in cost.costs(other, summarise(other, rows))}
    assert costs["teacher"]["own / int8 and its ancestors"] == "25 %"


def test_what_teaching_cost_stands_beside_its_teachers() -> None:
    run = make_run(CHAIN)
    asked = {"helper": 0.0, "helped": 0.5}  # nobody knows of `straight`
    rows = [row for row in chain_rows(run) if row.metric != "history"]
    rows += [Row(v, 0, f"key-{v}", "asking_seconds", value=s) for v, s in asked.items()]
    rows += [
        Row("helped", 0, "key", "history", value=2, samples={"epoch": np.arange(1, epochs + 1)})
        for epochs in (3, 5)
    ]
    costs = {row["student"]: row for row in teaching_cost.teaching_costs(run, Rows(rows))}
    assert set(costs) == {"helper", "helped", "straight"}
    assert costs["helped"] == {
        "student": "helped",
        "taught by": "helper",
        "by key": rows_key(rows, "helper"),
        "own (s)": "4.0",
        "own / teachers'": "100 %",
        "asked": "once, 0.5 s",
        "if asked for each batch (s)": "5.5",  # once more in each of three of four epochs
    }
    assert costs["helper"]["asked"] == "for each batch"
    assert "if asked for each batch (s)" not in costs["helper"]
    assert "asked" not in costs["straight"]


def rows_key(rows: list[Row], variant: str) -> str:
    found = next(r for r in rows if r.variant == variant and r.metric == "make_seconds")
    return found.key[:12]


def test_everything_without_figures_is_listed_with_its_reason() -> None:
    rows = [*RUN_ROWS, status_row("teacher", "killed", target=TARGET, launch=1)]
    found = failed_and_skipped.absent(RUN, Rows(rows), summarise(RUN, rows))
    usual: dict[str, Any] = {"target": TARGET, "status": "failed"}
    assert found == [
        usual | {"variant": "int8", "what": "all figures", "why": "out of memory"},
        usual | {"variant": "all", "what": "launch 2", "why": "killed"},
    ]


def test_chance_is_told_of_accuracy_and_speed() -> None:
    rows = {r["variant"]: r for r in significance.chance(RUN, summarise(RUN, RUN_ROWS), TARGET)}
    assert set(rows) == {"student", "student_kd", "pruned"}
    assert (rows["student"]["p"], rows["student"]["about"]) == (
        "0.006",
        "this file (a single seed)",
    )
    assert "these files alone" not in rows["student"]
    assert (rows["student"]["accuracy is"], rows["student"]["it is"]) == ("lower", "faster")
    assert rows["pruned"]["accuracy is"] == rows["pruned"]["it is"] == "not distinguishable"
    assert rows["student_kd"]["it is"] == "slower"


def test_with_seeds_a_difference_is_of_techniques_and_files_stand_beside_it() -> None:
    run = make_run(CHAIN, seeds=(0, 1, 2))
    right = {"teacher": (70, 70, 70), "helped": (95, 95, 62)}
    rows = [accuracy_row(v, n, seed=s) for v, each in right.items() for s, n in enumerate(each)]
    (row,) = significance.chance(run, summarise(run, rows), TARGET)
    assert (row["accuracy is"], row["about"]) == ("not distinguishable", "the technique (3 seeds)")
    assert row["these files alone"] == "higher (p <0.001)"
    (told,) = [
        r for r in main_table.main(run, summarise(run, rows), TARGET) if "helped" in r["variant"]
    ]
    assert told["vs teacher"] == row["accuracy change"]
