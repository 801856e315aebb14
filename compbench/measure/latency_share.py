"""The latency of one file beside another's, where a technique asks for it while it makes a net."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compbench.contracts.inputs import Inputs
from compbench.measure.turns import Clocks, Latencies, Turns, latencies
from compbench.runtime.session import OrtSession, Session
from compbench.runtime.target import Target

_SECONDS = 0.5  # of runs of each, at least


def latency_share(part: bytes, whole: bytes, sample: Inputs) -> float:
    """The latency of a file / that of another, on one CPU thread of this machine."""
    return share(OrtSession(part, Target()), OrtSession(whole, Target()), sample)


def share(part: Session, whole: Session, sample: Inputs, clocks: Clocks | None = None) -> float:
    """The median over turns of the duration of `part` / that of `whole`, as a run takes turns."""
    arms, random = {"part": part, "whole": whole}, np.random.default_rng(0)
    taken = latencies(arms, [sample], random, Turns(_SECONDS), clocks or Clocks())
    return float(np.median(_of_turns(taken["part"]) / _of_turns(taken["whole"])))


def _of_turns(taken: Latencies) -> NDArray[np.float64]:
    """The median of each turn's kept runs, in ns."""
    kept, turns = taken.kept == 1, range(int(taken.turn.max()) + 1)
    return np.array([np.median(taken.duration_ns[kept & (taken.turn == t)]) for t in turns])
