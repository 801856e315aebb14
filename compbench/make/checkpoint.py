"""nn.Module <-> safetensors bytes, with the structure that techniques gave it.

Pruning and factorising change layers, so a checkpoint can't be loaded into a newly built model. It
therefore describes every module: its class, its attributes with plain values, its children and
tensors. Loading takes the root's newly built model and makes it so: a module of the same class is
changed in place (what has no plain value, such as a function, stays as it was built), any other is
made from its class and attributes. Never pickle: it runs code on loading.
"""

from __future__ import annotations

import copy
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load as read_tensors
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from compbench.contracts import TrainingData
from compbench.contracts.arguments import arguments
from compbench.errors import JobFailed, first_line
from compbench.make.structure import Described, class_name, decoded, described
from compbench.onnxfile.export import torch_outputs

COMPARED = 512  # samples whose outputs a reloaded checkpoint must reproduce bit for bit
_STRUCTURE = "structure"


def to_bytes(model: nn.Module) -> bytes:
    """A safetensors file: each tensor once, by the first of its names; the structure as metadata.

    Raises JobFailed, naming the layer, where a tensor can't be stored.
    """
    stored = described(model)
    tensors = {}
    for name, tensor in stored.tensors.items():
        if is_lazy(tensor):
            raise JobFailed(f"{_layer(name)} is lazy and was never run: its weights have no shape")
        try:
            tensors[name] = tensor.detach().cpu().contiguous().clone()
            save({name: tensors[name].flatten()[:1]})
        except Exception as error:  # safetensors' and torch's own, of many kinds
            raise JobFailed(f"{_layer(name)} can't be stored: {first_line(error)}") from error
    structure = {"modules": stored.modules, "parameters": stored.parameters}
    return save(tensors, metadata={_STRUCTURE: json.dumps(structure)})


def load(path: str, model: nn.Module) -> nn.Module:
    """`from_bytes` of a file."""
    return from_bytes(Path(path).read_bytes(), model)


def from_bytes(file: bytes, model: nn.Module) -> nn.Module:
    """`model`, newly built by the root's model family, with the layers and weights of a checkpoint.

    It comes in evaluation mode. Raises JobFailed where the two don't belong together.
    """
    header = json.loads(file[8 : 8 + int.from_bytes(file[:8], "little")])
    structure = json.loads(header["__metadata__"][_STRUCTURE])
    wanted = Described(structure["modules"], structure["parameters"], read_tensors(file))
    return _Loading(wanted, model).module("").eval()


def refuse_unstorable(build: Callable[[], nn.Module], data: TrainingData) -> None:
    """Raises JobFailed where a net newly built can't come back from a checkpoint.

    It is asked before a net is trained, whose training would be lost otherwise.
    """
    model = build().eval()
    torch_outputs(model, data, [data.train.first(2)])  # lazy layers take their shapes
    refuse_drift(to_bytes(model), build(), model, data, 2)


def refuse_drift(
    file: bytes, fresh: nn.Module, model: nn.Module, data: TrainingData, count: int = COMPARED
) -> None:
    """Raises JobFailed where a checkpoint does not give back its net, bit for bit.

    The structure, every tensor and the outputs for so many training samples are compared; the
    reason names the layer. `fresh` is newly built by the root's model family.
    """
    loaded = from_bytes(file, fresh)
    now, then = described(loaded), described(model)
    for path in sorted(then.modules | now.modules, key=lambda path: (path.count("."), path)):
        if _text(now.modules.get(path)) != _text(then.modules.get(path)):
            raise JobFailed(f"{_module(path)} comes back otherwise from the checkpoint")
    for name, tensor in then.tensors.items():
        if _bits(tensor) != _bits(now.tensors[name]):
            raise JobFailed(f"{_layer(name)} comes back with other values of {name}")

    def outputs(net: nn.Module) -> NDArray[np.float32]:
        return torch_outputs(net, data, [data.train.first(count)])

    first = outputs(model)
    if np.array_equal(first, outputs(loaded), equal_nan=True):
        return
    if not np.array_equal(first, outputs(model), equal_nan=True):
        raise JobFailed("the net gives other outputs each time it runs: it can't be validated")
    where = _first_difference(model, loaded, arguments(model, data, data.train.first(2)))
    raise JobFailed(
        f"the net gives other outputs when its checkpoint is loaded again: {where} keeps something "
        "that is no parameter, buffer or plain attribute"
    )


class _Loading:
    """Turns a newly built net into the one that a checkpoint describes."""

    def __init__(self, wanted: Described, fresh: nn.Module):
        self.wanted, self.built = wanted, described(fresh)
        self.fresh = dict(fresh.named_modules())
        self.classes = {class_name(type(m)): m for m in reversed(self.fresh.values())}
        self.tensors = {name: self._tensor(name, value) for name, value in wanted.tensors.items()}
        self.done: dict[str, nn.Module] = {}

    def module(self, path: str) -> nn.Module:
        """The module with this path, and all that is in it."""
        if path in self.done:
            return self.done[path]
        wanted = self.wanted.modules[path]
        module = self.done[path] = self._empty(path, wanted["class"])
        children = {
            name: None if place is None else self.module(place)
            for name, place in wanted["children"].items()
        }
        attributes = {n: decoded(v, self.tensors) for n, v in wanted["attributes"].items()}
        for kind, new in (
            ("_parameters", self._registered(wanted["parameters"])),
            ("_buffers", self._registered(wanted["buffers"])),
            ("_modules", children),
        ):
            present = getattr(module, kind)
            present.clear()
            present.update(new)
            for name in new:  # an attribute of this name would hide it
                module.__dict__.pop(name, None)
        module._non_persistent_buffers_set = set(wanted["unsaved"])
        if module is self.fresh.get(path):
            module.__dict__.update(attributes)
        else:
            module.__setstate__({**module.__dict__, **attributes})  # as when a module is copied
        return module

    def _registered(self, names: dict[str, str | None]) -> dict[str, Tensor | None]:
        return {own: None if name is None else self.tensors[name] for own, name in names.items()}

    def _tensor(self, name: str, value: Tensor) -> Tensor:
        """The net's own tensor with the stored values, where it has one of the kind; else a new."""
        present, trained = self.built.tensors.get(name), self.wanted.parameters.get(name)
        if (
            present is not None
            and not is_lazy(present)
            and (present.shape, present.dtype) == (value.shape, value.dtype)
            and isinstance(present, nn.Parameter) == (trained is not None)
            and self.built.places(name) == self.wanted.places(name)
            and not _overlaps(present)
        ):
            with torch.no_grad():
                present.copy_(value)
            return present if trained is None else present.requires_grad_(trained)
        return value if trained is None else nn.Parameter(value, requires_grad=trained)

    def _empty(self, path: str, wanted: str) -> nn.Module:
        """A module of this class: the net's own, or one whose content is still to be set."""
        present = self.fresh.get(path)
        if present is not None and class_name(type(present)) == wanted:
            return present
        cls = _find_class(wanted)
        if cls is None and wanted in self.classes:
            return copy.deepcopy(self.classes[wanted])
        if cls is None:
            raise JobFailed(
                f"{_module(path)} is a {wanted.rpartition(':')[2]}, a class that can't be "
                "found by its name when the checkpoint is loaded: define it at a file's top level"
            )
        module = cls.__new__(cls)
        nn.Module.__init__(module)
        return module


def _find_class(name: str) -> type[nn.Module] | None:
    """The class at the top level of a module that can be imported; no code comes from the file."""
    module, _, qualified = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in qualified.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        return None
    return found if isinstance(found, type) and issubclass(found, nn.Module) else None


def _overlaps(tensor: Tensor) -> bool:
    """Whether several places of a tensor are one in memory, as in an expanded one."""
    return any(
        step == 0 and size > 1 for step, size in zip(tensor.stride(), tensor.shape, strict=True)
    )


def _first_difference(one: nn.Module, other: nn.Module, example: tuple[Tensor, ...]) -> str:
    """The first module, in the order they run, whose output differs between two nets."""
    outputs = []
    for model in (one, other):
        found: dict[str, bytes] = {}
        handles = [
            module.register_forward_hook(
                lambda _, __, output, p=path, f=found: f.setdefault(p, _bits(output)) and None
            )
            for path, module in model.named_modules()
        ]
        with torch.no_grad():
            model(*example)
        for handle in handles:
            handle.remove()
        outputs.append(found)
    differing = [path for path, bits in outputs[0].items() if outputs[1].get(path) != bits]
    return _module(differing[0] if differing else "")


def _bits(value: Any) -> bytes:
    if not isinstance(value, Tensor):
        return b"".join(map(_bits, value)) if isinstance(value, tuple | list) else b""
    flat = value.detach().cpu().contiguous().flatten()
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _layer(tensor: str) -> str:
    return _module(tensor.rpartition(".")[0])


def _module(path: str) -> str:
    return f"layer '{path}'" if path else "the net itself"
