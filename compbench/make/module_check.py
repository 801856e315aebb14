"""Torch modules that a plugin made, tried on two images before anything relies on them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from compbench.contracts import ModelFamily, TrainingData
from compbench.errors import JobFailed, told
from compbench.onnxfile.export import settled
from compbench.registry import registry


def refuse_misfit(family: ModelFamily, data: TrainingData) -> None:
    """Raises JobFailed where a family's net can't take the images; before it is trained."""
    name = f"the model '{registry.name_of(type(family))}'"
    try:
        module = family.build(data.shape, data.classes)
    except ValueError as error:  # in a family's own words
        raise JobFailed(f"{name}: {error}") from error
    except Exception as error:
        raise JobFailed(f"{name} can't be built: {told(error)}") from error
    checked(module, name, data)


def checked(module: Any, maker: str, data: TrainingData) -> nn.Module:
    """The module on the CPU in evaluation mode. Raises JobFailed without logits (N, classes)."""
    if not isinstance(module, nn.Module):
        raise JobFailed(f"{maker} gave {type(module).__name__}, not a torch module")
    images = torch.from_numpy(data.train.images[:2])
    try:
        with torch.no_grad():
            logits = settled(module)(images)
    except JobFailed:
        raise
    except Exception as error:
        shape = tuple(images.shape)
        raise JobFailed(
            f"{maker} gave a net that fails on images {shape}: {told(error)}"
        ) from error
    wanted = (len(images), data.classes)
    found = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
    if found != wanted:
        raise JobFailed(f"{maker} gave a net whose logits are {found}, not {wanted}")
    return module
