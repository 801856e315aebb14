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
    # copies: a net may change its inputs in place, and what is mapped into memory can't be changed
    return tuple(from_numpy(np.array(array, order="C")) for array in prepared.values())
