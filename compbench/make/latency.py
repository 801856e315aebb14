"""The latency of a net beside another's, both as files in ONNX Runtime on this machine."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from statistics import median
from time import perf_counter_ns

from torch import nn

from compbench.contracts import TrainingData
from compbench.onnxfile.export import to_onnx
from compbench.runtime.session import OrtSession
from compbench.runtime.target import Target

_TURN_NS = 1_500_000  # a net's part of a turn lasts about this long ...
_RUNS = range(3, 33)  # ... in so many runs
_TURNS = range(5, 101)
_ENOUGH_NS = 1_000_000_000  # turns end when they took this long together
_WARM_UP_RUNS = 10


class Beside:
    """The latency of a net as a share of another's: one sample at a time, on one CPU thread.

    The two take turns, so that what else the machine does hits both alike. It is no part of any
    technique: what it imports, such as ONNX Runtime, is then in no key of what a technique makes.
    """

    def __init__(self, data: TrainingData):
        self._data = data
        self._whole: tuple[nn.Module, Callable[[], None]] | None = None

    def __call__(self, model: nn.Module, whole: nn.Module) -> float:
        """The latency of `model` / that of `whole`. Raises JobFailed where one gives no file."""
        if self._whole is None or self._whole[0] is not whole:
            self._whole = whole, self._run(whole)
        return compared(self._run(model), self._whole[1])

    def _run(self, model: nn.Module) -> Callable[[], None]:
        """One inference of a net's file."""
        session = OrtSession(to_onnx(model, self._data.signature), Target())
        session.bind(self._data.train.first(1))
        return session.run


def compared(
    part: Callable[[], None], whole: Callable[[], None], clock: Callable[[], int] = perf_counter_ns
) -> float:
    """The median over turns of the duration of `part` / that of `whole`.

    In a turn each runs twice for a while, `part` in the middle; `clock` gives nanoseconds.
    """

    def durations(run: Callable[[], None], count: int) -> list[int]:
        times = [clock()]
        for _ in range(count):
            run()
            times.append(clock())
        return [after - before for before, after in pairwise(times)]

    def turn(run: Callable[[], None]) -> float:
        return median(durations(run, 1 + runs[run])[1:])  # the first pays for a cold cache

    runs = {}
    for run in (part, whole):
        one = median(durations(run, _WARM_UP_RUNS))
        runs[run] = min(max(round(_TURN_NS / max(one, 1)), _RUNS[0]), _RUNS[-1])
    began, shares = clock(), []
    while len(shares) < _TURNS[0] or (clock() - began < _ENOUGH_NS and len(shares) < _TURNS[-1]):
        first, *inner, last = (turn(run) for run in (whole, part, part, whole))
        shares.append(sum(inner) / (first + last))  # a machine that slows down slows both alike
    return median(shares)
