"""The latency of one file beside another's: true on a clock that runs as told, whatever drifts."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from compbench.contracts.inputs import Inputs
from compbench.measure.latency_share import share
from compbench.measure.turns import Clocks
from tests.fakes import FakeClock, FakeSession

SAMPLE: Inputs = {"pixels": np.zeros((1, 1, 2, 2), np.uint8)}


class Machine:
    """One that gets slower and slower, with hitches, and whose caches hold one net."""

    def __init__(self, drift: float = 0.0, cold: float = 1.0, hitch: int = 0):
        self.drift, self.cold, self.hitch = drift, cold, hitch
        self.clock, self.last = FakeClock(), ""
        self.counts = itertools.count(1)

    def run(self, name: str, ns: float) -> None:
        slow = 1 + self.drift * self.clock.now_ns / 1e9
        if name != self.last:
            slow *= self.cold
        if self.hitch and next(self.counts) % self.hitch == 0:
            slow *= 50
        self.last = name
        self.clock.now_ns += int(ns * slow)


class Net(FakeSession):
    """A net that takes so long on a machine."""

    def __init__(self, name: str, ns: float, machine: Machine):
        super().__init__(machine.clock, [])
        self.run = lambda: machine.run(name, ns)


def measured(machine: Machine, part_ns: float, whole_ns: float) -> float:
    part, whole = Net("part", part_ns, machine), Net("whole", whole_ns, machine)
    return share(part, whole, SAMPLE, Clocks(machine.clock, machine.clock))


@pytest.mark.parametrize("whole", [10_000, 1_000_000, 80_000_000])
@pytest.mark.parametrize("wanted", [0.1, 0.5, 1.0, 2.0])
@pytest.mark.parametrize(
    "odd",
    [{}, {"drift": 0.1}, {"cold": 5.0}, {"hitch": 11}, {"drift": 0.05, "cold": 3.0, "hitch": 13}],
)
def test_the_share_is_true(odd: dict[str, Any], wanted: float, whole: float) -> None:
    assert measured(Machine(**odd), wanted * whole, whole) == pytest.approx(wanted, rel=0.05)


def test_it_ends_after_a_few_seconds_or_a_few_turns() -> None:
    quick, slow = Machine(), Machine()
    measured(quick, 1e3, 2e3)
    assert quick.clock.now_ns < 3e9
    measured(slow, 1e9, 2e9)
    assert slow.clock.now_ns < (10 + 5 * 4) * 3e9 + 1
