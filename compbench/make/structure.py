"""A net as data: what a checkpoint says of its modules, and which of their values it holds.

Values are plain ones: numbers, texts, tensors, types and torch's functions, in lists, tuples and
dictionaries. Anything else, such as a function of the net's own, is not part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_OF_EVERY_MODULE = frozenset(nn.Module().__dict__)


@dataclass(frozen=True)
class Described:
    """A net as data: modules by path, its parameters (name -> is it trained), all tensors by name.

    A tensor or module that stands in several places has the first of its names in all of them.
    """

    modules: dict[str, dict[str, Any]]
    parameters: dict[str, bool]
    tensors: dict[str, Tensor]

    def places(self, name: str) -> list[tuple[str, str]]:
        """The modules and names under which a tensor is registered."""
        return [
            (path, own)
            for path, module in self.modules.items()
            for kind in ("parameters", "buffers")
            for own, tensor in module[kind].items()
            if tensor == name
        ]


def described(model: nn.Module) -> Described:
    """A net as data; its tensors are the net's own."""
    paths = {id(module): path for path, module in model.named_modules()}
    tensors: dict[str, Tensor] = {}
    names: dict[int, str] = {}

    def named(tensor: Tensor, name: str) -> str:
        """The tensor's first name, under which it is kept."""
        if id(tensor) not in names:
            names[id(tensor)], tensors[name] = name, tensor
        return names[id(tensor)]

    modules = {}
    for path, module in model.named_modules():
        registered = {
            kind: {
                name: None if tensor is None else named(tensor, _join(path, name))
                for name, tensor in getattr(module, f"_{kind}").items()
            }
            for kind in ("parameters", "buffers")
        }
        modules[path] = {
            "class": class_name(type(module)),
            **registered,
            "unsaved": sorted(module._non_persistent_buffers_set),
            "children": {
                name: None if child is None else paths[id(child)]
                for name, child in module._modules.items()
            },
        }
    for path, module in model.named_modules():  # after all that is registered has its name
        modules[path]["attributes"] = dict(_attributes(module, path, named))
    trained = {n: t.requires_grad for n, t in tensors.items() if isinstance(t, nn.Parameter)}
    return Described(modules, trained, tensors)


def _attributes(
    module: nn.Module, path: str, named: Callable[[Tensor, str], str]
) -> Iterator[tuple[str, Any]]:
    """The attributes of a module that have plain values, encoded."""
    for name, value in module.__dict__.items():
        if name not in _OF_EVERY_MODULE:
            try:
                yield name, _encoded(value, _join(path, name), named)
            except _NotPlainError:
                continue


class _NotPlainError(Exception):
    """A value that a checkpoint does not hold."""


def _encoded(value: Any, name: str, named: Callable[[Tensor, str], str]) -> Any:
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, Tensor):
        return {"tensor": named(value, name)}
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    if type(value) in (tuple, torch.Size, list):
        kind = "list" if type(value) is list else "tuple"
        return {kind: [_encoded(v, f"{name}.{i}", named) for i, v in enumerate(value)]}
    if type(value) is dict and all(type(key) is str for key in value):
        return {"dict": {key: _encoded(v, f"{name}.{key}", named) for key, v in value.items()}}
    name_of_function = getattr(value, "__name__", "")
    if getattr(functional, name_of_function, None) is value:  # relu, as attention keeps it
        return {"function": name_of_function}
    raise _NotPlainError


def decoded(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """A value as a module holds it, from what a checkpoint says of it."""
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind in ("dtype", "function"):
        return getattr(torch if kind == "dtype" else functional, content)
    if kind == "dict":
        return {key: decoded(v, tensors) for key, v in content.items()}
    return (list if kind == "list" else tuple)(decoded(v, tensors) for v in content)


def class_name(cls: type[nn.Module]) -> str:
    """By which a checkpoint finds a class again."""
    return f"{cls.__module__}:{cls.__qualname__}"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
