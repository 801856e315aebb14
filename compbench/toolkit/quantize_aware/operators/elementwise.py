"""Activations, arithmetic, comparisons and logic."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def _div(x: Tensor, y: Tensor) -> Tensor:
    """Of integers towards zero."""
    return torch.div(x, y) if x.is_floating_point() else torch.div(x, y, rounding_mode="trunc")


def _clip(x: Tensor, low: Any = None, high: Any = None) -> Tensor:
    return x if low is None and high is None else torch.clamp(x, low, high)


def _selu(x: Tensor, alpha: float = 1.67326319217681, gamma: float = 1.05070102214813) -> Tensor:
    return gamma * functional.elu(x, alpha)


def _is_infinite(x: Tensor, detect_negative: int = 1, detect_positive: int = 1) -> Tensor:
    return x.isinf() & ((x < 0) * bool(detect_negative) | (x > 0) * bool(detect_positive))


def _together(operation: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Numbers that a graph computed from shapes come to where the others are."""

    def moved(*inputs: Tensor, **settings: Any) -> Tensor:
        places = [x.device for x in inputs if x is not None and not x.is_cpu]
        if places:
            inputs = tuple(x if x is None else x.to(places[0]) for x in inputs)
        return operation(*inputs, **settings)

    return moved


_ONE: dict[str, Callable[..., Tensor]] = {
    "Abs": torch.abs,
    "Acos": torch.acos,
    "Acosh": torch.acosh,
    "Asin": torch.asin,
    "Asinh": torch.asinh,
    "Atan": torch.atan,
    "Atanh": torch.atanh,
    "Ceil": torch.ceil,
    "Celu": lambda x, alpha=1.0: functional.celu(x, alpha),
    "Cos": torch.cos,
    "Cosh": torch.cosh,
    "Elu": lambda x, alpha=1.0: functional.elu(x, alpha),
    "Erf": torch.erf,
    "Exp": torch.exp,
    "Floor": torch.floor,
    "Gelu": lambda x, approximate="none": functional.gelu(x, approximate=approximate),
    "HardSigmoid": lambda x, alpha=0.2, beta=0.5: (alpha * x + beta).clamp(0, 1),
    "HardSwish": functional.hardswish,
    "Identity": lambda x: x,
    "IsInf": _is_infinite,
    "IsNaN": torch.isnan,
    "LeakyRelu": lambda x, alpha=0.01: functional.leaky_relu(x, alpha),
    "Log": torch.log,
    "LogSoftmax": lambda x, axis=-1: x.log_softmax(axis),
    "Mish": functional.mish,
    "Neg": torch.neg,
    "Not": torch.logical_not,
    "Reciprocal": torch.reciprocal,
    "Relu": torch.relu,
    "Round": torch.round,
    "Selu": _selu,
    "Shrink": lambda x, bias=0.0, lambd=0.5: torch.where(
        x > lambd, x - bias, torch.where(x < -lambd, x + bias, torch.zeros_like(x))
    ),
    "Sigmoid": torch.sigmoid,
    "Sign": torch.sign,
    "Sin": torch.sin,
    "Sinh": torch.sinh,
    "Softmax": lambda x, axis=-1: x.softmax(axis),
    "Softplus": functional.softplus,
    "Softsign": functional.softsign,
    "Sqrt": torch.sqrt,
    "Tan": torch.tan,
    "Tanh": torch.tanh,
    "ThresholdedRelu": lambda x, alpha=1.0: functional.threshold(x, alpha, 0),
}
_SEVERAL: dict[str, Callable[..., Tensor]] = {
    "Add": torch.add,
    "And": torch.logical_and,
    "Clip": _clip,
    "Div": _div,
    "Equal": torch.eq,
    "Greater": torch.gt,
    "GreaterOrEqual": torch.ge,
    "Less": torch.lt,
    "LessOrEqual": torch.le,
    "Max": lambda *parts: reduce(torch.maximum, parts),
    "Mean": lambda *parts: reduce(torch.add, parts) / len(parts),
    "Min": lambda *parts: reduce(torch.minimum, parts),
    "Mod": lambda x, y, fmod=0: torch.fmod(x, y) if fmod else torch.remainder(x, y),
    "Mul": torch.mul,
    "Or": torch.logical_or,
    "PRelu": lambda x, slope: torch.where(x < 0, x * slope, x),
    "Pow": lambda x, y: torch.pow(x, y).to(x.dtype),
    "Sub": torch.sub,
    "Sum": lambda *parts: reduce(torch.add, parts),
    "Where": torch.where,
    "Xor": torch.logical_xor,
}
KNOWN: dict[str, Callable[..., Any]] = {
    **_ONE,
    **{name: _together(operation) for name, operation in _SEVERAL.items()},
}
KNOWN["Dropout"] = lambda x, *_, **settings: (x, torch.ones_like(x, dtype=torch.bool))
