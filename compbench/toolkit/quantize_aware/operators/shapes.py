"""Operators that move numbers, and those that compute with shapes."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor
from torch.nn import functional


def numbers(given: Any) -> list[int]:
    """Axes or sizes as integers, from a tensor, an attribute or None."""
    if given is None:
        return []
    found = given.tolist() if isinstance(given, Tensor) else given
    return [int(n) for n in found] if isinstance(found, list | tuple) else [int(found)]


def typed(kind: int) -> torch.dtype:
    """ONNX's number of a type as torch's."""
    return torch.from_numpy(np.zeros(1, helper.tensor_dtype_to_np_dtype(kind))).dtype


def _reshape(x: Tensor, shape: Any, allowzero: int = 0) -> Tensor:
    sizes = numbers(shape)
    return x.reshape([x.shape[i] if n == 0 and not allowzero else n for i, n in enumerate(sizes)])


def _squeeze(x: Tensor, axes: Any = None) -> Tensor:
    return x.squeeze() if axes is None else x.squeeze(tuple(numbers(axes)))


def _unsqueeze(x: Tensor, axes: Any) -> Tensor:
    places = numbers(axes)
    rank = x.ndim + len(places)
    for axis in sorted(axis % rank for axis in places):
        x = x.unsqueeze(axis)
    return x


def _flatten(x: Tensor, axis: int = 1) -> Tensor:
    return x.reshape(prod(x.shape[:axis]), -1)


def _slice(x: Tensor, starts: Any, ends: Any, axes: Any = None, steps: Any = None) -> Tensor:
    begins, stops = numbers(starts), numbers(ends)
    along, strides = numbers(axes) or range(len(begins)), numbers(steps) or [1] * len(begins)
    for axis, start, end, step in zip(along, begins, stops, strides, strict=True):
        start, end, step = slice(start, end, step).indices(x.shape[axis])
        if step > 0:
            x = x.narrow(axis, start, max(0, end - start))
            x = x if step == 1 else x[(slice(None),) * (axis % x.ndim) + (slice(None, None, step),)]
        else:
            x = x.index_select(axis, torch.tensor([*range(start, end, step)], device=x.device))
    return x


def _split(x: Tensor, split: Any = None, axis: int = 0, num_outputs: int = 2) -> tuple[Tensor, ...]:
    if split is not None:
        return x.split(numbers(split), axis)
    return x.split(-(-x.shape[axis] // num_outputs), axis)


def _pad(
    x: Tensor, pads: Any, value: Any = None, axes: Any = None, mode: str = "constant"
) -> Tensor:
    sides, along = numbers(pads), numbers(axes) or range(x.ndim)
    pairs = {axis % x.ndim: (sides[i], sides[i + len(sides) // 2]) for i, axis in enumerate(along)}
    if mode == "constant":
        flat = [side for axis in reversed(range(x.ndim)) for side in pairs.get(axis, (0, 0))]
        return functional.pad(x, flat, value=0 if value is None else value.item())
    how: Any = {"reflect": "reflect", "edge": "edge", "wrap": "wrap"}[mode]
    for axis, pair in pairs.items():
        if any(pair):
            taken = np.pad(np.arange(x.shape[axis]), pair, mode=how)
            x = x.index_select(axis, torch.from_numpy(taken).to(x.device))
    return x


def _expand(x: Tensor, shape: Any) -> Tensor:
    return x.expand(torch.broadcast_shapes(x.shape, numbers(shape)))


def _shape(x: Tensor, start: int = 0, end: int | None = None) -> Tensor:
    return torch.tensor(x.shape[start:end], dtype=torch.int64)


def _filled(shape: Any, value: TensorProto | None = None) -> Tensor:
    array = np.zeros(1, np.float32) if value is None else numpy_helper.to_array(value)
    return torch.from_numpy(array.copy()).expand(numbers(shape)).clone()


def _concat(*parts: Tensor, axis: int) -> Tensor:
    places = [part.device for part in parts if not part.is_cpu]
    return torch.cat([part.to(places[0]) for part in parts] if places else parts, axis)


def _depth_to_space(x: Tensor, blocksize: int, mode: str = "DCR") -> Tensor:
    n, c, h, w = x.shape
    b, inner = blocksize, c // blocksize**2
    if mode == "DCR":
        x = x.reshape(n, b, b, inner, h, w).permute(0, 3, 4, 1, 5, 2)
    else:
        x = x.reshape(n, inner, b, b, h, w).permute(0, 1, 4, 2, 5, 3)
    return x.reshape(n, inner, h * b, w * b)


def _space_to_depth(x: Tensor, blocksize: int) -> Tensor:
    n, c, h, w = x.shape
    b = blocksize
    x = x.reshape(n, c, h // b, b, w // b, b).permute(0, 3, 5, 1, 2, 4)
    return x.reshape(n, c * b * b, h // b, w // b)


def _trilu(x: Tensor, k: Any = None, upper: int = 1) -> Tensor:
    diagonal = numbers(k)[0] if k is not None else 0
    return x.triu(diagonal) if upper else x.tril(diagonal)


KNOWN: dict[str, Callable[..., Any]] = {
    "Cast": lambda x, to, saturate=1: x.to(typed(to)),
    "CastLike": lambda x, like, saturate=1: x.to(like.dtype),
    "Concat": _concat,
    "ConstantOfShape": _filled,
    "DepthToSpace": _depth_to_space,
    "Expand": _expand,
    "Flatten": _flatten,
    "Pad": _pad,
    "Range": lambda start, end, step: torch.arange(
        start.item(), end.item(), step.item(), dtype=start.dtype
    ),
    "Reshape": _reshape,
    "Shape": _shape,
    "Size": lambda x: torch.tensor(x.numel()),
    "Slice": _slice,
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": lambda x, repeats: x.repeat(numbers(repeats)),
    "Transpose": lambda x, perm=None: x.permute(tuple(perm or reversed(range(x.ndim)))),
    "Trilu": _trilu,
    "Unsqueeze": _unsqueeze,
}
