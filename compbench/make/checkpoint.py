"""nn.Module <-> safetensors bytes, with the shapes of layers that a technique changed.

Pruning and factorising change layers, so a checkpoint can't be loaded into a newly built model. The
checkpoint therefore describes each layer that `torch.nn` defines by its type and arguments; loading
builds the root's model and replaces the layers that differ. Never pickle: it runs code on loading.
"""

from __future__ import annotations

import json
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import nn

_ARGUMENTS: dict[type[nn.Module], tuple[str, ...]] = {
    nn.Conv2d: (
        "in_channels",
        "out_channels",
        "kernel_size",
        "stride",
        "padding",
        "dilation",
        "groups",
    ),
    nn.Linear: ("in_features", "out_features"),
    nn.BatchNorm2d: ("num_features", "eps", "momentum"),
    nn.Sequential: (),
}
_TYPES = {cls.__name__: cls for cls in _ARGUMENTS}


def to_bytes(model: nn.Module) -> bytes:
    """A safetensors file: the state by name, and the layers as JSON in its metadata."""
    layers = {path: _describe(m) for path, m in model.named_modules() if path and _known(m)}
    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    return save(state, metadata={"layers": json.dumps(layers, sort_keys=True)})


def load(path: str, model: nn.Module) -> nn.Module:
    """`model`, newly built by the root's model family, with the layers and weights of a checkpoint.

    It comes in evaluation mode. Raises RuntimeError where the two don't belong together.
    """
    with safe_open(path, framework="pt") as file:
        layers = json.loads(file.metadata()["layers"])
        state = {name: file.get_tensor(name) for name in file.keys()}
    for name in sorted(layers, key=lambda path: path.count(".")):  # a parent before its children
        _replace_if_different(model, name, layers[name])
    model.load_state_dict(state)
    return model.eval()


def _known(module: nn.Module) -> bool:
    return type(module) in _ARGUMENTS


def _describe(module: nn.Module) -> dict[str, Any]:
    description: dict[str, Any] = {"type": type(module).__name__}
    description |= {name: getattr(module, name) for name in _ARGUMENTS[type(module)]}
    if isinstance(module, nn.Conv2d | nn.Linear):
        description["bias"] = module.bias is not None
    return json.loads(json.dumps(description))  # tuples become lists, as they will when read


def _replace_if_different(model: nn.Module, path: str, wanted: dict[str, Any]) -> None:
    parent_path, _, name = path.rpartition(".")
    parent = model.get_submodule(parent_path)
    present = getattr(parent, name, None)
    if isinstance(present, nn.Module) and _known(present) and _describe(present) == wanted:
        return
    arguments = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in wanted.items()
        if key != "type"
    }
    with torch.random.fork_rng(devices=[]):  # the new layer's initial values are overwritten
        setattr(parent, name, _TYPES[wanted["type"]](**arguments))
