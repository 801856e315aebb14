"""A batch in parts that fit into memory, whose gradients add up to those of the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from compbench.contracts import Batch
from compbench.errors import JobFailed
from compbench.training.augment import Mix
from compbench.training.weights import undone

if TYPE_CHECKING:
    from compbench.contracts import Loss


@dataclass(frozen=True)
class Mixed:
    """Prepared inputs (B, …), targets (B, …), indices (B,); and how the inputs were mixed."""

    inputs: dict[str, Tensor]
    targets: Tensor
    indices: Tensor
    mix: Mix | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def first(self, count: int) -> Mixed:
        """The first samples, unmixed."""
        inputs = {name: array[:count] for name, array in self.inputs.items()}
        return Mixed(inputs, self.targets[:count], self.indices[:count])

    def parts(self, size: int) -> Iterator[tuple[float, Part]]:
        """Parts of at most so many samples, each with its share of the batch."""
        samples = [Batch(self.inputs, self.targets, self.indices)]
        weights = [1.0]
        if self.mix:
            partners = self.mix.partners
            samples += [Batch(self.inputs, self.targets[partners], self.indices[partners])]
            weights = [self.mix.share, 1 - self.mix.share]
        if size >= len(self):
            yield 1, Part(self.inputs, list(zip(weights, samples, strict=True)))
            return
        start = 0
        for count in sizes(len(self), size):
            place = slice(start, start + count)
            start += count
            inputs = {name: array[place] for name, array in self.inputs.items()}
            cut = [Batch(inputs, one.targets[place], one.indices[place]) for one in samples]
            share = len(cut[0].targets) / len(self)
            yield share, Part(inputs, list(zip(weights, cut, strict=True)))


@dataclass(frozen=True)
class Part:
    """What goes through a net at once; its loss is a weighted sum over targets."""

    inputs: dict[str, Tensor]
    targets: list[tuple[float, Batch]]

    def loss(self, loss: Loss, outputs: Tensor) -> Tensor:
        """A scalar."""
        if len(self.targets) == 1:
            return loss(outputs, self.targets[0][1])
        return torch.stack([weight * loss(outputs, one) for weight, one in self.targets]).sum()


def sizes(count: int, most: int) -> list[int]:
    """So many samples in parts of at most so many; no part of one, from which no batch norm learns.

    It gets one of the part before, where there are three to share.
    """
    found = [most] * (count // most) + [count % most] * (count % most > 0)
    if len(found) > 1 and found[-1] == 1 and most > 2:
        found[-2:] = [most - 1, 2]
    return found


def largest(most: int, model: nn.Module, attempt: Callable[[int], None]) -> int:
    """The size, `most` halved some times, whose attempt does not run out of a GPU's memory.

    The net is afterwards as it was. Raises JobFailed where not even one sample fits.
    """
    size = most
    while True:
        try:
            with undone(model):
                attempt(size)
            return size
        except torch.OutOfMemoryError as error:
            if size == 1:
                raise JobFailed("not even one sample fits into the GPU's memory") from error
        torch.cuda.empty_cache()
        size = -(-size // 2)
