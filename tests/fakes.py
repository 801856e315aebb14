"""Sessions for tests: one whose clock does as it is told, and a real one on the CPU."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from compbench.contracts.inputs import Inputs
from compbench.runtime.session import OrtSession
from compbench.runtime.target import Target


@dataclass
class FakeClock:
    """A clock that only a FakeSession moves, in nanoseconds."""

    now_ns: int = 0

    def __call__(self) -> int:
        """The time now."""
        return self.now_ns


@dataclass
class FakeSession:
    """A session whose every run takes as long as it is told to, for tests to exact numbers."""

    clock: FakeClock
    durations_ns: list[int]
    runs: int = 0
    bound: list[Inputs] = field(default_factory=list)

    def bind(self, inputs: Inputs) -> None:
        """Remember what was bound."""
        self.bound.append(inputs)

    def run(self) -> None:
        """Move the clock by the next duration, beginning again after the last."""
        self.clock.now_ns += self.durations_ns[self.runs % len(self.durations_ns)]
        self.runs += 1

    def outputs(self) -> NDArray[np.float32]:
        """The first ten values of each bound sample."""
        array = next(iter(self.bound[-1].values()))
        return array.reshape(len(array), -1)[:, :10]


def cpu_session(model: bytes) -> OrtSession:
    """ONNX Runtime's, on the CPU with one thread, in this process."""
    return OrtSession(model, Target())
