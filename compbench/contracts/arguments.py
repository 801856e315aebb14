"""Batches as the arguments of a torch net."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from compbench.contracts.data import TrainingData
from compbench.contracts.inputs import Inputs

if TYPE_CHECKING:
    from torch import Tensor, nn


def arguments(model: nn.Module, data: TrainingData, raw: Inputs) -> tuple[Tensor, ...]:
    """A raw batch, prepared, on the CPU: what `model(*arguments)` takes. See `taken_by`."""
    from torch import from_numpy

    prepared = data.prepared({name: raw[name] for name in data.signature.taken_by(model)})
    return tuple(from_numpy(_own(array)) for array in prepared.values())


def _own(array: np.ndarray) -> np.ndarray:
    """Contiguous and writeable: a file that is mapped into memory is neither for torch."""
    return np.array(array) if not array.flags.writeable else np.ascontiguousarray(array)
