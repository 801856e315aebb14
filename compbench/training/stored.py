"""A split's raw inputs as tensors, and batches of them prepared for a net."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from compbench.contracts import Input, Signature, Split
from compbench.training.prefetch import ahead


class Stored:
    """A split on a device where it is in memory; else its samples are read when they are asked."""

    def __init__(self, split: Split, device: torch.device):
        self.split, self.device = split, device
        self.targets = _tensor(split.targets).to(device)
        self.inputs: dict[str, Tensor] | None = None
        if split.is_in_memory:
            self.inputs = {name: _tensor(a).to(device) for name, a in split.arrays.items()}

    def take(self, indices: Tensor) -> dict[str, Tensor]:
        """The raw inputs of these samples."""
        if self.inputs is not None:
            return {name: array.index_select(0, indices) for name, array in self.inputs.items()}
        found = self.split.take(indices.cpu().numpy())
        return {name: _tensor(array).to(self.device) for name, array in found.items()}

    def batches(self, size: int) -> Iterator[dict[str, Tensor]]:
        """All raw inputs in order."""
        if self.inputs is not None:
            parts = {name: array.split(size) for name, array in self.inputs.items()}
            for each in zip(*parts.values(), strict=True):
                yield dict(zip(parts, each, strict=True))
            return
        for found in ahead(self.split.batches(size)):
            yield {name: _tensor(array).to(self.device) for name, array in found.items()}


class Preparation:
    """Raw batches -> what nets take, as `Normalisation` says, on one device."""

    def __init__(self, signature: Signature, device: torch.device):
        self._inputs, self._device = signature.inputs, device
        self._scalings: dict[tuple[str, bool], tuple[Any, Any]] = {}

    def __call__(self, raw: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Each input of a batch (B, …), in the layout that it has."""
        return {name: self._one(name, array) for name, array in raw.items()}

    def _one(self, name: str, raw: Tensor) -> Tensor:
        if self._inputs[name].normalisation is None:
            return raw.clone()  # a net may change it in place
        is_last = raw.ndim == 4 and raw.is_contiguous(memory_format=torch.channels_last)
        if (name, is_last) not in self._scalings:
            self._scalings[name, is_last] = self._scaling(self._inputs[name], is_last)
        scale, offset = self._scalings[name, is_last]
        return raw.to(torch.float32, copy=True).mul_(scale).add_(offset)

    def _scaling(self, one: Input, is_last: bool) -> tuple[Any, Any]:
        """Scale and offset: two numbers, or tensors of a whole sample in its layout.

        So spread out that only samples are gone over: half the time where channels are last.
        """
        assert one.normalisation is not None
        both = (one.normalisation.scale, one.normalisation.offset)
        if len(one.normalisation.mean) == 1:
            scale, offset = (float(array[0]) for array in both)
            return scale, offset
        layout = torch.channels_last if is_last else torch.contiguous_format
        shape = (1, -1, *[1] * (len(one.shape) - 1))
        scale, offset = (
            torch.from_numpy(array)
            .view(shape)
            .expand(1, *one.shape)
            .contiguous(memory_format=layout)
            .to(self._device)
            for array in both
        )
        return scale, offset


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array) if array.flags.writeable else array.copy())
