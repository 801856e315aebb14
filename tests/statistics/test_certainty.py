"""How sure a run's speeds are, where a reader sees it: in the report and in the terminal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from compbench.cli.overview import overview
from compbench.report.page import render
from compbench.results.row import Row
from compbench.statistics.summarise import summarise
from tests.factory import RUN, TARGET, VARIANTS, make_run, variant_rows

TOP, BUSY = "**Busy machine.**", "busy with other work"


def rows_of(load: float = 0.0, steal: float = 0.0, switches: int = 0, spread: float = 0.05
) -> list[Row]:  # fmt: skip
    """Three launches, in the last of which others used the machine."""
    wobble = [1.0, 1.0 + spread, 1.0 - spread]
    rows = []
    for i, variant in enumerate(VARIANTS):
        ns = [int(10_000_000 * (i + 1) * x) for x in (wobble if i else [1, 1, 1])]
        rows += variant_rows(RUN, variant, ns=ns, control_ns=[10_000_000, 10_010_000, 9_990_000])
    return [
        replace(row, samples={**row.samples, **machine(load, steal, switches)})
        if row.metric == "machine" and row.launch == 2
        else row
        for row in rows
    ]


def machine(load: float, steal: float, switches: int) -> dict[str, np.ndarray]:
    values = {"other_load": load, "steal": steal, "involuntary_switches": switches}
    return {name: np.array([value]) for name, value in values.items()}


def page(rows: list[Row]) -> str:
    return render(RUN, rows, summarise(RUN, rows)).text


def terminal(rows: list[Row]) -> str:
    console = Console(width=100, color_system=None)
    with console.capture() as captured:
        for part in overview(RUN, summarise(RUN, rows)):
            console.print(part)
    return " ".join(captured.get().split())


@pytest.mark.parametrize(
    "taken", [{"load": 0.92}, {"load": 0.3, "steal": 0.2}, {"steal": 0.11}], ids=str
)
def test_a_busy_machine_is_said_first_and_in_the_terminal(taken: dict[str, float]) -> None:
    rows = rows_of(**taken)  # pyright: ignore[reportArgumentType]
    blocks = page(rows).split("\n\n")
    at = next(i for i, block in enumerate(blocks) if block.startswith(TOP))
    assert at <= 2  # below the title and the suite's description
    for told in (blocks[at], terminal(rows)):
        assert f"{BUSY} in 1 of 3 launches" in told
        assert "known to within ±13.2 % (median; " in told
        assert "the baseline against itself to within ±0.2 %" in told
    if "load" in taken:
        assert f"up to {100 * taken['load']:.0f} % of all cores" in blocks[at]


@pytest.mark.parametrize("taken", [{}, {"load": 0.09, "steal": 0.05, "switches": 900}], ids=str)
def test_a_quiet_machine_is_not_mentioned(taken: dict[str, float]) -> None:
    rows = rows_of(**taken)  # pyright: ignore[reportArgumentType]
    assert BUSY not in page(rows)
    assert BUSY not in terminal(rows)


def test_the_smallest_difference_is_said_in_both() -> None:
    rows = rows_of()
    found = summarise(RUN, rows).smallest[TARGET]
    assert (found.launches, found.comparisons) == (3, 4)
    line = f"3 such launches find in 9 of 10 runs: {100 * found.share:.1f} % (4 variants compared)"
    text = page(rows)
    assert line in terminal(rows)
    assert line in text.partition("## Results on")[2].partition("### ")[0]  # with the main table
    assert text.count(line) == 2  # and with the protocol


def test_noisier_launches_see_less() -> None:
    quiet, noisy = (summarise(RUN, rows_of(spread=x)).smallest[TARGET] for x in (0.01, 0.05))
    assert noisy.share > 3 * quiet.share


def test_a_baseline_alone_has_nothing_to_see() -> None:
    run = make_run({"teacher": VARIANTS["teacher"]})
    assert summarise(run, variant_rows(run, "teacher")).smallest == {}


def test_percentiles_stand_with_their_intervals_or_not_at_all() -> None:
    rows = rows_of()
    summaries = summarise(RUN, rows)
    assert all(s.p90_ns is None and s.p99_ns is None for s in summaries.all)
    assert "p90 needs launches of 10 s together and 100 turns" in page(rows)
