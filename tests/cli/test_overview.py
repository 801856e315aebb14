"""What a terminal shows of a run: golden texts, never wider than the terminal."""

from __future__ import annotations

import pytest
from rich.console import Console
from syrupy.assertion import SnapshotAssertion

from compbench.cli.overview import overview
from compbench.results.record import Run
from compbench.results.row import Row
from compbench.statistics.summarise import summarise
from tests.factory import RUN, RUN_ROWS, lineage, make_run, status_row, variant_rows
from tests.golden import Text

LONG = "a_name_that_goes_on_and_on_for_longer_than_any_column_could_ever_be_in_a_terminal"


@pytest.fixture
def golden(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(Text)


def shown(run: Run, rows: list[Row], width: int = 100) -> str:
    console = Console(width=width, color_system=None, highlight=False)
    with console.capture() as captured:
        for part in overview(run, summarise(run, rows)):
            console.print(part)
    lines = captured.get().splitlines()
    assert max(map(len, lines)) <= width
    return "".join(f"{line.rstrip()}\n" for line in lines)


def test_every_mark_and_a_failure(golden: SnapshotAssertion) -> None:
    assert shown(RUN, RUN_ROWS) == golden


def test_a_skipped_target_and_a_reason_as_long_as_a_book(golden: SnapshotAssertion) -> None:
    run = make_run(targets={"here": RUN.targets["cpu_1thread"], "gpu": RUN.targets["cpu_1thread"]})
    here = run.model_copy(update={"targets": {"here": run.targets["here"]}})
    rows = [row for variant in run.variants for row in variant_rows(here, variant)]
    why = "no CUDAExecutionProvider " * 50
    rows += [status_row(v, why, status="skipped", target="gpu") for v in run.variants]
    assert shown(run, rows) == golden


def test_the_baseline_failed(golden: SnapshotAssertion) -> None:
    rows = [row for row in RUN_ROWS if row.variant != "teacher"]
    rows += [status_row("teacher", "a [bold] mistake")]
    assert shown(RUN, rows) == golden


def forty() -> tuple[Run, list[Row]]:
    names = ["teacher", LONG, *(f"variant_{i}" for i in range(38))]
    run = make_run(
        {
            name: lineage(*([] if i == 0 else ["prune_channels", "teacher"]))
            for i, name in enumerate(names)
        }
    )
    rows = []
    for i, name in enumerate(names):
        rows += variant_rows(run, name, ns=20_000 - 300 * i, right=90 - i, size_bytes=10**6 - i)
    return run, rows


def test_forty_variants_take_a_line_each_and_long_names_fold(golden: SnapshotAssertion) -> None:
    told = shown(*forty())
    lines = [line for line in told.splitlines() if line.startswith("variant_")][:38]
    assert len(lines) == 38 and all("×" in line and "%" in line for line in lines)
    assert told == golden


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_narrow_terminal_loses_no_digit(width: int) -> None:
    run, rows = forty()
    pieces = shown(run, rows, width).replace("\n", "").replace(" ", "")
    whole = shown(run, rows).replace("\n", "").replace(" ", "")
    assert sorted(pieces) == sorted(whole)
