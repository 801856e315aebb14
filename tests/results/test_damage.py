"""Damage to any file is told, and never shown as a measurement; long: tests/benchmarks/flips.py."""

from __future__ import annotations

from typing import Any

import pytest

from compbench.results import record_check
from tests.benchmarks import flips
from tests.factory import RUN


@pytest.mark.parametrize(
    ("flipped", "cut"), [(12, 6), pytest.param(80, 40, marks=pytest.mark.slow)]
)
def test_no_table_is_wrong_and_nothing_ends_in_a_traceback(flipped: int, cut: int) -> None:
    told: list[str] = []
    counts = flips.count(flipped, cut, told.append)
    assert told == []
    assert sum(counts.values()) == sum(len(flips.tried(n)) for n in range(flipped + cut))
    assert counts[flips.ERROR] and counts[flips.LACKS]


@pytest.mark.parametrize("forged", [10, pytest.param(80, marks=pytest.mark.slow)])
def test_odd_values_behind_a_checksum_that_fits_end_in_no_traceback(forged: int) -> None:
    told: list[str] = []
    counts = flips.forge(forged, told.append)
    assert told == []
    assert counts[flips.ERROR] and sum(counts.values()) == forged


@pytest.mark.parametrize(
    ("table", "value", "said"),
    [
        ("measure", {"launches": 2**70}, "launches = .* is more than any run has"),
        ("pick", {"max_drop": 1e308}, r"pick\.max_drop = .* is no limit"),
        ("pick", {"margin": -1}, r"pick\.margin = -1 is no limit"),
        ("pick", {"max_bytes": 2**400}, r"pick\.max_bytes = .* is no limit"),
        ("targets", {}, "it has no targets"),
        ("seeds", [], "it has no seeds"),
    ],
)
def test_a_run_of_what_no_run_has_is_refused_where_it_is_read(
    table: str, value: Any, said: str
) -> None:
    """Else each missing launch is told without end, squares overflow, no target is the first."""
    content = RUN.model_dump(mode="json")
    record_check.refuse_wrong(content)
    with pytest.raises(ValueError, match=said):
        record_check.refuse_wrong({**content, table: value})
