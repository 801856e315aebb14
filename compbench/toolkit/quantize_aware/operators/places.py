"""Operators that take numbers from places, or put them there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from compbench.toolkit.quantize_aware.operators.shapes import numbers


def _from_start(indices: Tensor, size: int, x: Tensor) -> Tensor:
    """Places without those counted from the end, where `x` is."""
    indices = indices.to(x.device, torch.int64)
    return torch.where(indices < 0, indices + size, indices)


def _gather(x: Tensor, indices: Tensor, axis: int = 0) -> Tensor:
    found = x.index_select(axis, _from_start(indices, x.shape[axis], x).reshape(-1))
    axis %= x.ndim
    return found.reshape([*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]])


def _gather_elements(x: Tensor, indices: Tensor, axis: int = 0) -> Tensor:
    return x.gather(axis, _from_start(indices, x.shape[axis], x))


def _place(indices: Tensor, x: Tensor, batch_dims: int = 0) -> tuple[Tensor, ...]:
    """As indexing takes it: batches count along with those in the last axis."""
    free = indices.ndim - 1
    batches = [
        torch.arange(indices.shape[axis], device=x.device).reshape(
            [-1 if other == axis else 1 for other in range(free)]
        )
        for axis in range(batch_dims)
    ]
    sizes = x.shape[batch_dims:]
    given = [_from_start(one, sizes[i], x) for i, one in enumerate(indices.unbind(-1))]
    return (*batches, *given)


def _scatter_nd(x: Tensor, indices: Tensor, updates: Tensor, reduction: str = "none") -> Tensor:
    _refuse(reduction)
    return x.index_put(_place(indices, x), updates.to(x.device), reduction == "add")


def _scatter_elements(
    x: Tensor, indices: Tensor, updates: Tensor, axis: int = 0, reduction: str = "none"
) -> Tensor:
    _refuse(reduction)
    places = _from_start(indices, x.shape[axis], x)
    put = x.scatter_add if reduction == "add" else x.scatter
    return put(axis, places, updates.to(x.device))


def _refuse(reduction: str) -> None:
    if reduction not in ("none", "add"):
        raise NotImplementedError(f"reduction {reduction}")


def _one_hot(indices: Tensor, depth: Tensor, values: Tensor, axis: int = -1) -> Tensor:
    size = numbers(depth)[0]
    axis %= indices.ndim + 1
    shape = [-1 if other == axis else 1 for other in range(indices.ndim + 1)]
    every = torch.arange(size, device=indices.device).reshape(shape)
    off, on = values.to(indices.device)
    return torch.where((indices % size).unsqueeze(axis) == every, on, off)


KNOWN: dict[str, Callable[..., Any]] = {
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": lambda x, indices, batch_dims=0: x[_place(indices, x, batch_dims)],
    "NonZero": lambda x: x.nonzero().T,
    "OneHot": _one_hot,
    "ScatterElements": _scatter_elements,
    "ScatterND": _scatter_nd,
}
