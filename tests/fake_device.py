"""A second device that is none: tensors moved to it are marked, and a mix of marks fails.

Memory is the CPU's. What torch does on a GPU is imitated: scalars of the CPU, and copies between
devices, are allowed; a tensor of the device has its `device`, and no `numpy()`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode, _pop_mode_temporarily
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_flatten

_DEVICE: Any = getattr(Tensor.device, "__get__")  # noqa: B009
GPU, CPU = torch.device("cuda", 0), torch.device("cpu")
_COPIES = ("aten::copy_", "aten::_to_copy", "aten::set_", "aten::set_data")
_TAKES_OTHERS_OF_THE_CPU = (  # indices; a switch that torch makes beside its first argument
    *("aten::index", "aten::index_put_", "aten::_index_put_impl_"),
    "aten::_fake_quantize_per_tensor_affine_cachemask_tensor_qparams",
)


class Mixed(AssertionError):
    """Tensors of two devices met."""


class _Marks:
    """Which memory is the device's."""

    def __init__(self) -> None:
        self.places: dict[int, StorageWeakRef] = {}  # which keep an address from its next user

    def has(self, tensor: Tensor) -> bool:
        return tensor.untyped_storage()._cdata in self.places

    def put(self, tensor: Tensor, is_marked: bool) -> None:
        storage = tensor.untyped_storage()
        self.places.pop(storage._cdata, None)
        if is_marked:
            self.places[storage._cdata] = StorageWeakRef(storage)


def _tensors(*values: Any) -> list[Tensor]:
    return [one for one in tree_flatten(values)[0] if isinstance(one, Tensor)]


class _Operations(TorchDispatchMode):
    """Every operation of torch, also of backward passes: what it is given and what it makes."""

    def __init__(self, marks: _Marks):
        super().__init__()
        self.marks = marks

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        name, taken = func._schema.name, _tensors(args, kwargs)
        large = [one for one in taken if one.ndim]
        if name in _TAKES_OTHERS_OF_THE_CPU:
            large = large[:1]
        marks = {self.marks.has(one) for one in large}
        if len(marks) == 2 and name not in _COPIES:
            shapes = [("gpu" if self.marks.has(x) else "cpu", tuple(x.shape)) for x in taken]
            raise Mixed(f"{name} of {shapes}")
        is_there = any(map(self.marks.has, large or taken))
        before = {one.untyped_storage()._cdata for one in taken}
        found = func(*args, **(kwargs or {}))
        for one in _tensors(found):
            if one.untyped_storage()._cdata not in before:
                self.marks.put(one, is_there)
        return found


class _Calls(TorchFunctionMode):
    """Calls of torch that name a device, ask for it, or leave torch."""

    def __init__(self, marks: _Marks):
        super().__init__()
        self.marks = marks

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        if func == _DEVICE:
            return GPU if self.marks.has(args[0]) else CPU
        if func in (Tensor.to, Tensor.cpu, Tensor.cuda):
            return self._moved(func, args, given)
        if func is Tensor.numpy and self.marks.has(args[0]):
            raise Mixed("numpy() of a tensor on the device")
        device = given.get("device")
        is_there = device is not None and torch.device(device).type == "cuda"
        if is_there:
            given["device"] = CPU
        found = func(*args, **given)
        if is_there or func in (torch.from_numpy, torch.tensor):
            for one in _tensors(found):
                self.marks.put(one, is_there)
        return found

    def _moved(self, func: Any, args: Sequence[Any], given: dict[str, Any]) -> Tensor:
        tensor, rest = args[0], list(args[1:])
        wanted = CPU if func is Tensor.cpu else GPU if func is Tensor.cuda else None
        if "device" in given:
            wanted = torch.device(given.pop("device"))
        elif rest and isinstance(rest[0], torch.device | str):
            wanted = torch.device(rest.pop(0))
        elif rest and isinstance(rest[0], Tensor):
            wanted = GPU if self.marks.has(rest[0]) else CPU
        was = self.marks.has(tensor)
        is_there = was if wanted is None else wanted.type == "cuda"
        rest = [x for x in rest if isinstance(x, torch.dtype)]  # not: non_blocking, copy
        given = {name: value for name, value in given.items() if value is not None}
        move: Any = Tensor.to
        found = move(tensor, *rest, **given) if rest or given else tensor
        if is_there == was:
            return found
        if found.untyped_storage()._cdata == tensor.untyped_storage()._cdata:
            found = found.clone()
        self.marks.put(found, is_there)
        return found


def left_for(work: Callable[..., Any]) -> Callable[..., Any]:
    """The same, which knows of no second device: exporters imitate devices on their own."""

    def without(*args: Any, **kwargs: Any) -> Any:
        with _pop_mode_temporarily(), _disable_current_modes():
            return work(*args, **kwargs)

    return without


@contextmanager
def second_device() -> Iterator[Callable[[Tensor], bool]]:
    """While it is there; gives whether a tensor is on it."""
    marks = _Marks()
    with _Operations(marks), _Calls(marks):
        yield marks.has
