"""The latency of one net beside another's: true on a clock that runs as told, whatever drifts."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from compbench.make.latency import compared


class Machine:
    """A clock that only runs while something is computed, slower and slower, with hitches."""

    def __init__(self, drift: float = 0.0, cold: float = 1.0, hitch: int = 0):
        self.now, self.drift, self.cold, self.hitch = 0.0, drift, cold, hitch
        self._last = ""
        self._counts = itertools.count(1)

    def clock(self) -> int:
        return int(self.now)

    def run(self, name: str, ns: float) -> Callable[[], None]:
        def run() -> None:
            slow = 1 + self.drift * self.now / 1e9
            if name != self._last:
                slow *= self.cold
            if self.hitch and next(self._counts) % self.hitch == 0:
                slow *= 50
            self._last = name
            self.now += ns * slow

        return run


@pytest.mark.parametrize("whole", [10_000, 1_000_000, 80_000_000])
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0, 2.0])
@pytest.mark.parametrize(
    "odd",
    [{}, {"drift": 0.1}, {"cold": 5.0}, {"hitch": 11}, {"drift": 0.05, "cold": 3.0, "hitch": 13}],
)
def test_the_share_is_true(odd: dict[str, Any], share: float, whole: float) -> None:
    machine = Machine(**odd)
    part, other = machine.run("part", share * whole), machine.run("whole", whole)
    assert compared(part, other, machine.clock) == pytest.approx(share, rel=0.03)


def test_it_ends_after_a_second_or_a_few_turns() -> None:
    quick, slow = Machine(), Machine()
    compared(quick.run("part", 1e3), quick.run("whole", 2e3), quick.clock)
    assert quick.now < 2e9
    compared(slow.run("part", 1e9), slow.run("whole", 2e9), slow.clock)
    assert slow.now < (10 + 5 * 8) * 3e9 + 1
