"""All that a training changes in a net, and how it is put back as it was."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from compbench.training import randomness

_PLAIN = (bool, int, float, str)


def held(model: nn.Module) -> dict[str, Tensor]:
    """Its parameters and buffers, each once: those of a state dict, and what is left out there."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies in the same layouts."""
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


@torch.no_grad()
def put_back(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give a net these values, in place: names are those of `held`."""
    now = held(model)
    for name, tensor in tensors.items():
        now[name].copy_(tensor)


def plain_attributes(model: nn.Module) -> dict[str, Any]:
    """What modules keep beside tensors, and the shapes of those: numbers, words, switches."""
    found: dict[str, Any] = {name: tuple(tensor.shape) for name, tensor in held(model).items()}
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if name != "training" and type(value) in _PLAIN:
                found[f"{path}.{name}"] = value
    return found


def has_hidden_state(model: nn.Module) -> bool:
    """Whether a module draws random numbers from a source of its own."""
    kinds = (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)
    return any(isinstance(x, kinds) for module in model.modules() for x in vars(module).values())


@contextmanager
def undone(model: nn.Module) -> Iterator[None]:
    """Buffers, modes and random states are afterwards what they were; no gradient is left."""
    buffers = copied(dict(model.named_buffers()))
    modes = [(module, module.training) for module in model.modules()]
    states = randomness.states()
    try:
        yield
    finally:
        put_back(model, buffers)
        for module, mode in modes:
            module.training = mode
        model.zero_grad()
        randomness.restore(states)
