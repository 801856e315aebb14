"""ONNX operators in torch, with gradients: those that classifiers of images are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

# each takes the node's inputs, then its attributes by name; https://onnx.ai/onnx/operators


def _conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    pads: Sequence[int] = (),
    strides: Sequence[int] = (1, 1),
    dilations: Sequence[int] = (1, 1),
    group: int = 1,
    **_: Any,
) -> Tensor:
    x = functional.pad(x, _sides(pads))
    return functional.conv2d(x, weight, bias, tuple(strides), 0, tuple(dilations), group)


def _gemm(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,
    transB: int = 0,
) -> Tensor:
    product = alpha * ((x.T if transA else x) @ (weight.T if transB else weight))
    return product if bias is None else product + beta * bias


def _max_pool(
    x: Tensor,
    kernel_shape: Sequence[int],
    strides: Sequence[int] = (1, 1),
    pads: Sequence[int] = (),
    dilations: Sequence[int] = (1, 1),
    ceil_mode: int = 0,
    **_: Any,
) -> Tensor:
    x = functional.pad(x, _sides(pads), value=-torch.inf)
    return functional.max_pool2d(
        x, tuple(kernel_shape), tuple(strides), 0, tuple(dilations), bool(ceil_mode)
    )


def _average_pool(
    x: Tensor,
    kernel_shape: Sequence[int],
    strides: Sequence[int] = (1, 1),
    pads: Sequence[int] = (),
    ceil_mode: int = 0,
    count_include_pad: int = 0,
    **_: Any,
) -> Tensor:
    sizes, steps = tuple(kernel_shape), tuple(strides)
    mean = functional.avg_pool2d(functional.pad(x, _sides(pads)), sizes, steps, 0, bool(ceil_mode))
    if count_include_pad or not any(pads):
        return mean
    inside = functional.pad(torch.ones_like(x), _sides(pads))
    return mean / functional.avg_pool2d(inside, sizes, steps, 0, bool(ceil_mode))


def _reduce_mean(
    x: Tensor, axes: Sequence[int] | None = None, keepdims: int = 1, noop_with_empty_axes: int = 0
) -> Tensor:
    if not axes:
        return x if noop_with_empty_axes else x.mean(tuple(range(x.ndim)), bool(keepdims))
    return x.mean(tuple(axes), bool(keepdims))


def _reshape(x: Tensor, shape: Sequence[int], allowzero: int = 0) -> Tensor:
    return x.reshape([x.shape[i] if n == 0 and not allowzero else n for i, n in enumerate(shape)])


def _squeeze(x: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    return x.squeeze() if axes is None else x.squeeze(tuple(axes))


def _unsqueeze(x: Tensor, axes: Sequence[int]) -> Tensor:
    rank = x.ndim + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


def _flatten(x: Tensor, axis: int = 1) -> Tensor:
    return x.reshape(int(torch.tensor(x.shape[:axis]).prod()), -1)


def _clip(x: Tensor, low: Any = None, high: Any = None) -> Tensor:
    return x if low is None and high is None else torch.clamp(x, low, high)


def _sides(pads: Sequence[int]) -> list[int]:
    """ONNX has (top, left, bottom, right), torch the last axis first."""
    top, left, bottom, right = pads or (0, 0, 0, 0)
    return [left, right, top, bottom]


KNOWN: dict[str, Callable[..., Any]] = {
    "Add": torch.add,
    "AveragePool": _average_pool,
    "Clip": _clip,
    "Concat": lambda *parts, axis: torch.cat(parts, axis),
    "Conv": _conv,
    "Div": torch.div,
    "Elu": functional.elu,
    "Flatten": _flatten,
    "Gelu": lambda x, approximate=b"none": functional.gelu(x, approximate=approximate.decode()),
    "Gemm": _gemm,
    "GlobalAveragePool": lambda x: x.mean((2, 3), keepdim=True),
    "HardSigmoid": lambda x, alpha=0.2, beta=0.5: (alpha * x + beta).clamp(0, 1),
    "HardSwish": functional.hardswish,
    "Identity": lambda x: x,
    "LeakyRelu": lambda x, alpha=0.01: functional.leaky_relu(x, alpha),
    "MatMul": torch.matmul,
    "MaxPool": _max_pool,
    "Mul": torch.mul,
    "ReduceMean": _reduce_mean,
    "Relu": torch.relu,
    "Reshape": _reshape,
    "Sigmoid": torch.sigmoid,
    "Softmax": lambda x, axis=-1: x.softmax(axis),
    "Squeeze": _squeeze,
    "Sub": torch.sub,
    "Tanh": torch.tanh,
    "Transpose": lambda x, perm=None: x.permute(perm or tuple(reversed(range(x.ndim)))),
    "Unsqueeze": _unsqueeze,
}
