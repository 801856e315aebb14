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
            is_pair = type(one) is nn.ReLU and type(other) is nn.MaxPool2d
            if is_pair and not (other.return_indices or _is_looked_at(one, other)):
                names[place : place + 2] = names[place + 1], names[place]
        sequence._modules = {name: layers[name] for name in names}
    try:
        yield
    finally:
        for sequence, layers in before.items():
            sequence._modules = layers


def _is_looked_at(*layers: nn.Module) -> bool:
    """Whether what one of them gives is read by somebody, as by a hook of a loss."""
    return any(layer._forward_hooks for layer in layers)


def _plain(module: nn.Module) -> Iterator[nn.Sequential]:
    """A sequence and those in it; none where the module has code of its own."""
    if type(module) is nn.Sequential:
        yield module
        for layer in module:
            yield from _plain(layer)
