"""A net's layers in the order that trains fastest, where the order makes no difference."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

from torch import nn


@contextmanager
def pooled_first(model: nn.Module) -> Iterator[None]:
    """A ReLU stands behind the max pooling that follows it, and where it stood afterwards.

    The largest of rectified numbers is the largest number, rectified: logits and gradients are the
    same to the bit, and the ReLU sees a quarter of the numbers. Only in plain sequences of layers,
    as the code of another module may look into its own.
    """
    before = {sequence: dict(sequence._modules) for sequence in _plain(model)}
    for sequence, layers in before.items():
        names = list(layers)
        for place, (one, other) in enumerate(pairwise(layers.values())):
            if type(one) is nn.ReLU and type(other) is nn.MaxPool2d and not other.return_indices:
                names[place : place + 2] = names[place + 1], names[place]
        sequence._modules = {name: layers[name] for name in names}
    try:
        yield
    finally:
        for sequence, layers in before.items():
            sequence._modules = layers


def _plain(module: nn.Module) -> Iterator[nn.Sequential]:
    """A sequence and those in it; none where the module has code of its own."""
    if type(module) is nn.Sequential:
        yield module
        for layer in module:
            yield from _plain(layer)
