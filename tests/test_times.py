"""Slow tests are chosen by what they took, and one case of each stays where it may."""

from __future__ import annotations

from pathlib import Path

from tests import times


def test_the_quickest_case_stays_unless_it_is_slow_itself() -> None:
    seconds = {
        "a[1]": 0.5,
        "a[2]": 0.6,
        "b[1]": 0.1,
        "b[2]": 9.0,
        "c": 0.7,
        "d": 2.0,
        "e[[x]]": 2.0,
    }
    assert times.slow(seconds) == ["a[2]", "b[2]", "d", "e[[x]]"]


def test_every_test_that_is_listed_is_there() -> None:
    root = Path(__file__).parents[1]
    for name in times.FILE.read_text(encoding="utf-8").splitlines():
        file, _, function = name.partition("[")[0].rpartition("::")
        assert f"def {function}(" in (root / file.partition("::")[0]).read_text(), name
