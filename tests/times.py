"""Which tests are slow, by measurement: `make check` leaves them out, `make test` does not.

`python -m tests.times` runs all tests that no one marked as slow, by themselves and one after the
other (ten minutes), and writes those to `slow_cases.txt` that took long. `conftest.py` marks them.
Where a test has many cases, the quickest of them stays, unless that takes long itself.
"""

from __future__ import annotations

import resource
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

FILE = Path(__file__).with_name("slow_cases.txt")
CASE_S, QUICKEST_S = 0.2, 0.8  # of CPU, processes that a test starts included


def slow(seconds: Mapping[str, float]) -> list[str]:
    """The slow ones of all tests, by their names with the case in brackets."""
    by_test: dict[str, dict[str, float]] = defaultdict(dict)
    for name, took in seconds.items():
        by_test[name.partition("[")[0]][name] = took
    found = []
    for cases in by_test.values():
        quickest = min(cases, key=lambda name: cases[name])
        for name, took in cases.items():
            if took > (QUICKEST_S if name == quickest else CASE_S):
                found.append(name)
    return sorted(found)


class Times:
    """What pytest calls around each test: the CPU seconds of each, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        before = _cpu_s()
        found = yield
        self.seconds[item.nodeid] = _cpu_s() - before
        return found


def _cpu_s() -> float:
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    times, known = Times(), FILE.read_text(encoding="utf-8")
    FILE.write_text("")
    try:
        code = pytest.main(["-m", "not slow"], plugins=[times])
        assert code == 0, "the tests must pass first"
        found = slow(times.seconds)
        known = "".join(f"{name}\n" for name in found)
    finally:
        FILE.write_text(known, encoding="utf-8")
    left = sum(times.seconds.values()) - sum(times.seconds[name] for name in found)
    print(f"{len(found)} of {len(times.seconds)} are slow; the others take {left:.0f} s of CPU")


if __name__ == "__main__":
    main()
