"""Tables, reports and pictures of runs that were stopped anywhere, or lost any of their files."""

from __future__ import annotations

import io
import random
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from compbench.cli import formats, overview
from compbench.cli.pick import choose
from compbench.compare import render
from compbench.compare.compare import compare
from compbench.compare.match import side
from compbench.errors import UserError
from compbench.results import record
from compbench.results.folder import examine, write_rows
from compbench.results.row import Row
from compbench.statistics.pick import pick
from compbench.table.stored_run import StoredRun
from tests.factory import RUN, RUN_ROWS, TARGET, with_keys

LAST = ("memory_bytes", "operators", "loadgen_server", "latency_ns", "throughput_per_s", "machine")


def in_order() -> list[Row]:
    """All rows, in the order in which a run writes them."""
    return sorted(RUN_ROWS, key=lambda row: LAST.index(row.metric) if row.metric in LAST else -1)


def stopped(places: int) -> list[list[Row]]:
    """What there is of a run that was stopped at so many places."""
    rows = in_order()
    return [rows[: len(rows) * i // places] for i in range(places)]


def lost(times: int) -> list[list[Row]]:
    """What there is of a run that lost any of its files, by variant and metric."""
    draw = random.Random(0)
    groups = sorted({(row.variant, row.metric, row.launch) for row in RUN_ROWS})
    found = []
    for _ in range(times):
        kept = {group for group in groups if draw.random() < draw.choice((0.3, 0.7, 0.95))}
        found.append([r for r in RUN_ROWS if (r.variant, r.metric, r.launch) in kept])
    return found


@pytest.mark.parametrize("rows", [*stopped(14), *lost(16)])
def test_whatever_is_there_is_shown_and_marked_as_incomplete(
    rows: list[Row], tmp_path: Path
) -> None:
    run = with_keys(RUN, RUN_ROWS).model_copy(update={"finished": None})
    folder = tmp_path / "mine" / "run"
    folder.mkdir(parents=True)
    record.write_run(folder, run)
    write_rows(folder, "all", rows)
    stored = StoredRun(folder)
    assert stored.gaps
    _, failures = formats.write(stored, tmp_path / "reports", formats.FORMATS)
    assert failures == ()
    report = (tmp_path / "reports" / "mine" / "README.md").read_text()
    assert "**Incomplete: decide nothing by this report.**" in report
    shown = Console(file=io.StringIO(), width=100)
    for part in overview.overview(stored.run, stored.summaries):
        shown.print(part)
    has_figures = pick(run, stored.summaries, TARGET) is not None  # the baseline, that is
    no_answer = pytest.raises(UserError, match="the baseline 'teacher' has no figures")
    with nullcontext() if has_figures else no_answer:
        assert choose(run, stored.summaries, TARGET, {}).sentence()
    sides = (side("a", run, rows), side("b", run, RUN_ROWS))
    for a, b in (sides, sides[::-1]):
        for form in render.FORMATS:
            assert render.render(compare(a, b), form)


@pytest.mark.parametrize("seeds", [(0,), (3,), (5, 1)])
def test_rows_of_the_dataset_are_of_every_run_whatever_its_seeds(
    seeds: tuple[int, ...], tmp_path: Path
) -> None:
    """They have seed 0, which a suite need not name."""
    rows = [replace(r, seed=seeds[0] if r.variant else 0) for r in RUN_ROWS]
    run = with_keys(RUN, rows).model_copy(update={"seeds": seeds})
    rows.append(Row("", 0, "", "labels", samples={"label": np.zeros(4, np.uint16)}))
    folder = tmp_path / "mine" / "run"
    folder.mkdir(parents=True)
    record.write_run(folder, run)
    write_rows(folder, "all", rows)
    assert examine(folder, record.read_run(folder)).problems == {}
