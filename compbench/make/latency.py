"""The latency of a net beside another's, by who measures files."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from torch import nn

from compbench.contracts import TrainingData
from compbench.contracts.inputs import Inputs
from compbench.onnxfile.export import to_onnx

Measure = Callable[[bytes, bytes, Inputs], float]  # two ONNX files and a sample: first / second


def of_nets(measure: Measure, data: TrainingData) -> Callable[[nn.Module, nn.Module], float]:
    """What gives the latency of a net / that of a whole one, which stays as it is meanwhile.

    It is no part of any technique: ONNX Runtime is then in no key of what a technique makes.
    """

    def file(net: nn.Module) -> bytes:
        return to_onnx(net, data.signature)

    of_whole = lru_cache(maxsize=1)(file)
    return lambda net, whole: measure(file(net), of_whole(whole), data.train.first(1))
