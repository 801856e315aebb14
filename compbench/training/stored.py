"""A split's raw inputs as tensors, and batches of them prepared for a net."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from compbench.contracts import Signature, Split
from compbench.training.prefetch import ahead


class Stored:
    """A split on a device where it is in memory; else its samples are read when they are asked."""

    def __init__(self, split: Split, device: torch.device):
        self.split, self.device = split, device
        self.targets = torch.from_numpy(np.ascontiguousarray(split.targets)).to(device)
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
        self._scaling: dict[str, tuple[Tensor, Tensor]] = {}
        for name, one in signature.inputs.items():
            if one.normalisation:
                shape = (1, -1, *[1] * (len(one.shape) - 1))
                both = (one.normalisation.offset, one.normalisation.scale)
                offset, scale = (torch.from_numpy(x).reshape(shape).to(device) for x in both)
                self._scaling[name] = offset, scale

    def __call__(self, raw: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Each input of a batch (B, …), in the layout that it has."""
        return {name: self._one(name, array) for name, array in raw.items()}

    def _one(self, name: str, raw: Tensor) -> Tensor:
        if name not in self._scaling:
            return raw
        offset, scale = self._scaling[name]
        return torch.addcmul(offset, raw.to(torch.float32), scale)


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array) if array.flags.writeable else array.copy())
