"""Suite files with faults of all kinds are read, or refused in one short line."""

from __future__ import annotations

import pytest

from tests.benchmarks import suite_fuzz


@pytest.mark.slow
def test_every_mutated_suite_is_read_or_refused_in_a_line() -> None:
    told: list[str] = []
    counts = suite_fuzz.count(500, told.append)
    wrong = {*suite_fuzz.BAD} - {suite_fuzz.SLOW}
    assert not wrong & counts.keys(), told
    assert counts[suite_fuzz.READ] and counts[suite_fuzz.REFUSED]
