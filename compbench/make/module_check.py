"""Torch modules that a plugin made, tried on two samples before anything relies on them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from compbench.contracts import ModelFamily, TrainingData
from compbench.contracts.arguments import arguments
from compbench.errors import JobFailed, told
from compbench.onnxfile.export import settled
from compbench.registry import registry


def refuse_misfit(family: ModelFamily, data: TrainingData) -> None:
    """Raises JobFailed where a family's net can't take the inputs; before it is trained."""
    name = f"the model '{registry.name_of(type(family))}'"
    try:
        module = family.build(data.signature)
    except ValueError as error:  # in a family's own words
        raise JobFailed(f"{name}: {error}") from error
    except Exception as error:
        raise JobFailed(f"{name} can't be built: {told(error)}") from error
    checked(module, name, data)


def checked(module: Any, maker: str, data: TrainingData) -> nn.Module:
    """The module on the CPU in evaluation mode. Raises JobFailed without the task's outputs."""
    if not isinstance(module, nn.Module):
        raise JobFailed(f"{maker} gave {type(module).__name__}, not a torch module")
    try:
        example = arguments(module, data, data.train.first(2))
    except ValueError as error:
        raise JobFailed(f"{maker} gave a net that can't be called: {error}") from error
    try:
        with torch.no_grad():
            outputs = settled(module)(*example)
    except JobFailed:
        raise
    except Exception as error:
        shapes = ", ".join(str(tuple(array.shape)) for array in example)
        raise JobFailed(
            f"{maker} gave a net that fails on inputs {shapes}: {told(error)}"
        ) from error
    wanted = data.task.output_shape(data.train.targets[:2], data.signature.outputs)
    is_tensor = isinstance(outputs, torch.Tensor)
    found = tuple(outputs.shape) if is_tensor else type(outputs).__name__
    if found != wanted:
        raise JobFailed(f"{maker} gave a net whose {data.task.output} are {found}, not {wanted}")
    return module
