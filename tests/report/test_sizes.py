"""What the report says of sizes that are unknown, or contradict each other."""

from __future__ import annotations

import pytest

from compbench.report.sections import caveats, main_table, sizes
from compbench.statistics.sizes import contradiction
from compbench.statistics.summary import Summary
from tests.factory import RUN, TARGET, make_summaries

TREE = Summary(
    "student",
    TARGET,
    size_bytes=408_000,
    packed_bytes=60_000,
    coded_bytes=5,
    coded_ratio=81_572,
    parameters=0,
    nonzero_parameters=0,
)
SAID = (
    "`student`: its 0 parameters take 5 B coded, its file 60.0 KB packed: most of what it holds "
    "was not counted as weights"
)


def test_no_parameters_in_a_large_file_are_flagged() -> None:
    assert contradiction(TREE) == SAID
    summaries = make_summaries(Summary("teacher", TARGET, size_bytes=1e6), TREE)
    rows = {row["variant"]: row for row in sizes.sizes(RUN, summaries)}
    assert rows["student"]["weights, coded"] == "5 B (!)"
    assert f"{SAID}." in caveats.findings(RUN, summaries, TARGET)


@pytest.mark.parametrize(("packed", "coded"), [(90_000, 80_000), (21_000, 400), (60_000, None)])
def test_the_names_of_a_graph_and_a_worse_packing_are_no_contradiction(
    packed: float, coded: float | None
) -> None:
    assert contradiction(Summary("a", TARGET, packed_bytes=packed, coded_bytes=coded)) == ""


def test_what_is_unknown_is_a_dash() -> None:
    unknown = Summary("student", TARGET, size_bytes=1e5, packed_bytes=9e4)
    summaries = make_summaries(Summary("teacher", TARGET, size_bytes=1e6), unknown)
    row = next(r for r in sizes.sizes(RUN, summaries) if r["variant"] == "student")
    assert [row[n] for n in ("parameters", "non-zero", "weights, coded")] == ["–"] * 3
    row = next(r for r in main_table.main(RUN, summaries, TARGET) if r["variant"] == "student")
    assert [row[n] for n in ("parameters", "MACs")] == ["–"] * 2
