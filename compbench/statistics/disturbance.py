"""Was the machine busy with other work while arms were timed? Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BUSY = 0.1  # of the machine that others took in a launch


class Disturbance(NamedTuple):
    """How many of the launches were disturbed, and the most that others took in one."""

    busy: int
    launches: int
    load: float  # share of all cores that others took, the hypervisor included
    steal: float  # that the hypervisor took
    switches: int  # involuntary ones; a quiet machine has some too, 30 to 50 a second


def disturbance(machine: Sequence[Mapping[str, NDArray]]) -> Disturbance:
    """From each launch's columns of the metric `machine`."""
    taken = np.array(
        [
            [np.max(columns[name]) for name in ("other_load", "steal", "involuntary_switches")]
            for columns in machine
        ]
    ).reshape(-1, 3)
    busy = int(np.count_nonzero(taken[:, :2].max(axis=1, initial=0) > BUSY))
    load, steal, switches = taken.max(axis=0, initial=0).tolist()
    return Disturbance(busy, len(taken), load, steal, int(switches))
