"""What nets of tests take, and what nets and files give."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from compbench.contracts import Input, Normalisation, Signature
from compbench.contracts.arguments import arguments
from compbench.contracts.inputs import PIXELS
from compbench.data.splits import Data
from compbench.onnxfile import parity as parities
from compbench.onnxfile.export import torch_outputs
from compbench.runtime import inference
from compbench.tasks import classification
from tests.fakes import cpu_session

SCALING = Normalisation((128 / 255,), (60 / 255,), 255.0)  # of the images in `conftest.split`


def image_signature(channels: int, height: int, width: int, classes: int = 3) -> Signature:
    """Nets that take images of uint8 and give logits."""
    return Signature({PIXELS: Input("uint8", (channels, height, width), SCALING)}, classes)


def net_outputs(model: nn.Module, data: Data, count: int = 1000) -> NDArray[np.float32]:
    """What a torch net gives for the first test samples."""
    return torch_outputs(model, data.training, [data.test.first(count)])


def file_outputs(file: Any, data: Data) -> NDArray[np.float32]:
    """What a file gives for the test split."""
    return inference.outputs(cpu_session(file), data.test.arrays)


def example(model: nn.Module, data: Data, count: int = 2) -> tuple[torch.Tensor, ...]:
    """The first training samples as a net's arguments."""
    return arguments(model, data.training, data.training.train.first(count))


def parity(reference: NDArray[np.float32], outputs: NDArray[np.float32]) -> parities.Parity:
    """Of logits."""
    return parities.parity(reference, outputs, classification.Task())
