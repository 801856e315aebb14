"""Was the machine busy with other work while arms were timed? Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BUSY = 0.1  # of the machine taken by others, or of an arm's turns in which it was preempted


class Disturbance(NamedTuple):
    """How many of the launches were disturbed, and the most that others took in one."""

    busy: int
    launches: int
    load: float  # share of all cores that others took, the hypervisor included
    steal: float  # that the hypervisor took
    switches: int  # involuntary, of a launch
    preempted: float  # these for each turn of an arm


def disturbance(machine: Sequence[Mapping[str, NDArray]], turns: Sequence[int]) -> Disturbance:
    """From each launch's columns of the metric `machine`, and all arms' turns in it together."""
    taken = [
        (*(float(np.max(columns[name])) for name in ("other_load", "steal")), switches)
        for columns in machine
        for switches in [float(np.max(columns["involuntary_switches"]))]
    ]
    shares = [switches / max(1, count) for (*_, switches), count in zip(taken, turns, strict=True)]
    busy = [
        max(load, steal, preempted) > BUSY
        for (load, steal, _), preempted in zip(taken, shares, strict=True)
    ]
    load, steal, switches = (max((of[i] for of in taken), default=0.0) for i in range(3))
    most = max(shares, default=0.0)
    return Disturbance(sum(busy), len(taken), load, steal, int(switches), most)
