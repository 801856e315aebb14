"""What is tried: a net, few samples of what it is for, and a way to run files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from compbench.contracts import Split, TaskBase, TrainingData
from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.onnxfile.export import to_onnx, torch_outputs
from compbench.onnxfile.parity import distance, parity
from compbench.runtime import inference

SAMPLES = {"train": 96, "validation": 48, "test": 60}
MOST_ROUNDING = 0.05  # of the outputs' spread, where only the way to compute them differs
Outputs = NDArray[np.float32]


@dataclass(frozen=True)
class Subject:
    """A net on a dataset: `build` makes a new one, `run` gives a file's outputs on the test split.

    Raises JobFailed where a file can't be run.
    """

    build: Callable[[], nn.Module]
    data: Data
    run: Callable[[bytes], Outputs]

    @cached_property
    def net(self) -> nn.Module:
        """In evaluation mode, its weights by one seed, its lazy layers with their shapes."""
        torch.manual_seed(7)
        net = self.build().eval()
        torch_outputs(net, self.data.training, [self.data.training.train.first(2)])
        return net

    @cached_property
    def file(self) -> bytes:
        """The ONNX file of the net."""
        return to_onnx(self.net, self.data.signature)

    def outputs(self, net: nn.Module) -> Outputs:
        """What a net gives for the test split."""
        return torch_outputs(net, self.data.training, self.data.test.batches(inference.BATCH))


def state(net: nn.Module) -> list[bytes]:
    """All parameters and saved buffers, bit for bit."""
    return [value.detach().cpu().numpy().tobytes() for value in net.state_dict().values()]


def refuse_difference(reference: Outputs, found: Outputs, task: TaskBase) -> None:
    """Raises JobFailed where a file's outputs are not those of its torch module, of one shape.

    As a job does, and beside it by their own spread: of an untaught net that may be 1e-10.
    """
    complaint = parity(reference, found, task).complaint("the CPU")
    if complaint:
        raise JobFailed(complaint)
    apart = distance(reference, found)
    if apart > MOST_ROUNDING:
        raise JobFailed(f"the ONNX file's outputs are {apart:.0%} of their spread from torch's")


def few(data: Data) -> Data:
    """So many samples of each split as a check needs, drawn by one seed."""

    def part(split: Split, count: int) -> Split:
        count = min(count, len(split))
        return split.part(np.sort(np.random.default_rng(0).permutation(len(split))[:count]))

    training = data.training
    return Data(
        TrainingData(
            part(training.train, SAMPLES["train"]),
            part(training.validation, SAMPLES["validation"]),
            training.task,
            training.signature,
            training.class_names,
        ),
        part(data.test, SAMPLES["test"]),
    )
