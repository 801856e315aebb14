"""Batches as the arguments of a torch net, and what its layers give as tensors and vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

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


def first_tensor(value: Any) -> Tensor | None:
    """A tensor, or the first one in what a layer gave: a tuple, or a library's own table."""
    from torch import Tensor

    if isinstance(value, Tensor):
        return value
    inner = value.values() if isinstance(value, Mapping) else value
    if not isinstance(inner, Iterable) or isinstance(inner, str):
        return None
    return next((found for one in inner if (found := first_tensor(one)) is not None), None)


def embedded(tensor: Tensor) -> Tensor:
    """What a layer gave (B, …) as vectors (B, W): means over places of images and sequences."""
    if tensor.ndim == 3:  # (B, L, W)
        return tensor.mean(1)
    return tensor.flatten(2).mean(2) if tensor.ndim > 3 else tensor.flatten(1)
