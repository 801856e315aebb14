"""Operators that sum, or look for the largest, over axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from compbench.toolkit.quantize_aware.operators.shapes import numbers


def _over(operation: Callable[[Tensor, tuple[int, ...], bool], Tensor]) -> Callable[..., Tensor]:
    """Over some axes, over all where none is given."""

    def reduced(
        x: Tensor, axes: Any = None, keepdims: int = 1, noop_with_empty_axes: int = 0
    ) -> Tensor:
        chosen = tuple(numbers(axes))
        if not chosen and noop_with_empty_axes:
            return x
        return operation(x, chosen or tuple(range(x.ndim)), bool(keepdims))

    return reduced


def _product(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    for axis in sorted((axis % x.ndim for axis in axes), reverse=True):
        x = x.prod(axis, keep)
    return x


def _top(
    x: Tensor, count: Any, axis: int = -1, largest: int = 1, sorted: int = 1
) -> tuple[Tensor, Tensor]:
    found = torch.topk(x, numbers(count)[0], axis, bool(largest), bool(sorted))
    return found.values, found.indices


def _extreme(operation: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The place of the largest or smallest."""

    def place(x: Tensor, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Tensor:
        if select_last_index:
            return x.shape[axis] - 1 - operation(x.flip(axis), axis, bool(keepdims))
        return operation(x, axis, bool(keepdims))

    return place


def _running_sum(x: Tensor, axis: Any, exclusive: int = 0, reverse: int = 0) -> Tensor:
    (along,) = numbers(axis)
    x = x.flip(along) if reverse else x
    found = x.cumsum(along) - x if exclusive else x.cumsum(along)
    return found.flip(along) if reverse else found


KNOWN: dict[str, Callable[..., Any]] = {
    "ArgMax": _extreme(torch.argmax),
    "ArgMin": _extreme(torch.argmin),
    "CumSum": _running_sum,
    "ReduceL1": _over(lambda x, axes, keep: x.abs().sum(axes, keep)),
    "ReduceL2": _over(lambda x, axes, keep: torch.linalg.vector_norm(x, 2, axes, keep)),
    "ReduceLogSum": _over(lambda x, axes, keep: x.sum(axes, keep).log()),
    "ReduceLogSumExp": _over(lambda x, axes, keep: x.logsumexp(axes, keep)),
    "ReduceMax": _over(lambda x, axes, keep: x.amax(axes, keep)),
    "ReduceMean": _over(lambda x, axes, keep: x.mean(axes, keep)),
    "ReduceMin": _over(lambda x, axes, keep: x.amin(axes, keep)),
    "ReduceProd": _over(_product),
    "ReduceSum": _over(lambda x, axes, keep: x.sum(axes, keep)),
    "ReduceSumSquare": _over(lambda x, axes, keep: x.square().sum(axes, keep)),
    "TopK": _top,
}
