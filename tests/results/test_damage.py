"""Damage to any file is told, and never shown as a measurement; long: tests/benchmarks/flips.py."""

from __future__ import annotations

import pytest

from tests.benchmarks import flips


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
