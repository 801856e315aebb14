"""Damage to any file is told, and never shown as a measurement; long: tests/benchmarks/flips.py."""

from __future__ import annotations

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


def test_a_run_of_endless_launches_is_refused() -> None:
    """Each one that is missing would be told, without end."""
    content = RUN.model_dump(mode="json")
    record_check.refuse_wrong(content)
    content["measure"]["launches"] = 2**70
    with pytest.raises(ValueError, match=r"launches = .* is more than any run has"):
        record_check.refuse_wrong(content)
