"""Operators with weights, poolings, norms and resizing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from compbench.toolkit.quantize_aware.operators.shapes import numbers

_CONV = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_TRANSPOSED = {
    1: functional.conv_transpose1d,
    2: functional.conv_transpose2d,
    3: functional.conv_transpose3d,
}
_MAX_POOL = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
_AVERAGE = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}


def _conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    pads: Sequence[int] = (),
    strides: Sequence[int] = (),
    dilations: Sequence[int] = (),
    group: int = 1,
    auto_pad: str = "NOTSET",
    kernel_shape: Sequence[int] = (),
) -> Tensor:
    axes = x.ndim - 2
    steps, gaps = _all(strides, axes), _all(dilations, axes)
    spans = [gap * (size - 1) + 1 for gap, size in zip(gaps, weight.shape[2:], strict=True)]
    x = functional.pad(x, _sides(pads or _automatic(auto_pad, x, spans, steps)))
    return _CONV[axes](x, weight, bias, steps, 0, gaps, group)


def _transposed(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    pads: Sequence[int] = (),
    strides: Sequence[int] = (),
    dilations: Sequence[int] = (),
    output_padding: Sequence[int] = (),
    group: int = 1,
    kernel_shape: Sequence[int] = (),
    auto_pad: str = "NOTSET",
    output_shape: Sequence[int] = (),
) -> Tensor:
    if auto_pad not in ("NOTSET", "VALID") or output_shape:
        raise NotImplementedError("auto_pad and output_shape")
    axes = x.ndim - 2
    more = tuple(output_padding) or (0,) * axes
    steps, gaps = _all(strides, axes), _all(dilations, axes)
    whole = _TRANSPOSED[axes](x, weight, bias, steps, 0, more, group, gaps)
    return functional.pad(whole, [-side for side in _sides(pads)])


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
    strides: Sequence[int] = (),
    pads: Sequence[int] = (),
    dilations: Sequence[int] = (),
    ceil_mode: int = 0,
    auto_pad: str = "NOTSET",
    storage_order: int = 0,
) -> Tensor:
    axes = x.ndim - 2
    steps, gaps = _all(strides, axes), _all(dilations, axes)
    spans = [gap * (size - 1) + 1 for gap, size in zip(gaps, kernel_shape, strict=True)]
    pads = pads or _automatic(auto_pad, x, spans, steps)
    ended = _ended(x, pads, steps)
    x = functional.pad(x, _sides(pads), value=-torch.inf)
    return _MAX_POOL[axes](x, tuple(kernel_shape), steps, 0, gaps, bool(ceil_mode))[ended]


def _average_pool(
    x: Tensor,
    kernel_shape: Sequence[int],
    strides: Sequence[int] = (),
    pads: Sequence[int] = (),
    ceil_mode: int = 0,
    count_include_pad: int = 0,
    auto_pad: str = "NOTSET",
    dilations: Sequence[int] = (),
) -> Tensor:
    axes = x.ndim - 2
    if any(gap != 1 for gap in dilations):
        raise NotImplementedError("dilations")
    sizes, steps, pool = tuple(kernel_shape), _all(strides, axes), _AVERAGE[axes]
    pads = pads or _automatic(auto_pad, x, sizes, steps)
    ended, sides = _ended(x, pads, steps), _sides(pads)
    mean = pool(functional.pad(x, sides), sizes, steps, 0, bool(ceil_mode))[ended]
    if count_include_pad or not any(sides):
        return mean
    inside = functional.pad(torch.ones_like(x), sides)
    return mean / pool(inside, sizes, steps, 0, bool(ceil_mode))[ended]


def _ended(x: Tensor, pads: Sequence[int], steps: Sequence[int]) -> tuple[Any, ...]:
    """The windows of a pool that begin before or in `x`, not in the padding behind it."""
    before = [*pads[: len(steps)]] or [0] * len(steps)
    counts = (
        -(-(size + pad) // step) for size, pad, step in zip(x.shape[2:], before, steps, strict=True)
    )
    return ..., *(slice(count) for count in counts)


def _automatic(how: str, x: Tensor, spans: Sequence[int], steps: Sequence[int]) -> list[int]:
    """The pads that `auto_pad` says."""
    if how not in ("SAME_UPPER", "SAME_LOWER"):
        return []
    needed = [
        max(0, (-(-size // step) - 1) * step + span - size)
        for size, span, step in zip(x.shape[2:], spans, steps, strict=True)
    ]
    less, more = [n // 2 for n in needed], [n - n // 2 for n in needed]
    return less + more if how == "SAME_UPPER" else more + less


def _all(given: Sequence[int], axes: int) -> tuple[int, ...]:
    return tuple(given) or (1,) * axes


def _sides(pads: Sequence[int]) -> list[int]:
    """ONNX has the beginnings of all axes, then their ends; torch the last axis first."""
    half = len(pads) // 2
    pairs = zip(pads[:half], pads[half:], strict=True)
    return [side for pair in reversed([*pairs]) for side in pair]


def _spatial(x: Tensor) -> tuple[int, ...]:
    return tuple(range(2, x.ndim))


def _batch_norm(
    x: Tensor,
    scale: Tensor,
    bias: Tensor,
    mean: Tensor,
    var: Tensor,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    training_mode: int = 0,
) -> Tensor:
    if training_mode:  # by the batch's own, as an exporter writes instance norms
        return functional.batch_norm(x, None, None, scale, bias, True, 0.0, epsilon)
    # statistics are never trained, not even where they share an array with what is
    return functional.batch_norm(x, mean.detach(), var.detach(), scale, bias, False, 0.0, epsilon)


def _instance_norm(x: Tensor, scale: Tensor, bias: Tensor, epsilon: float = 1e-5) -> Tensor:
    var, mean = torch.var_mean(x, _spatial(x), correction=0, keepdim=True)
    shape = (1, -1, *[1] * (x.ndim - 2))
    return (x - mean) * (var + epsilon).rsqrt() * scale.reshape(shape) + bias.reshape(shape)


def _layer_norm(
    x: Tensor,
    scale: Tensor,
    bias: Tensor | None = None,
    axis: int = -1,
    epsilon: float = 1e-5,
    stash_type: int = 1,
) -> Tensor:
    found = functional.layer_norm(x, x.shape[axis:], eps=epsilon) * scale
    return found if bias is None else found + bias


def _group_norm(
    x: Tensor,
    scale: Tensor,
    bias: Tensor,
    num_groups: int,
    epsilon: float = 1e-5,
    stash_type: int = 1,
) -> Tensor:
    return functional.group_norm(x, num_groups, scale, bias, epsilon)


def _rms_norm(
    x: Tensor, scale: Tensor, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1
) -> Tensor:
    return functional.rms_norm(x, x.shape[axis:], eps=epsilon) * scale


def _lp_normalization(x: Tensor, axis: int = -1, p: int = 2) -> Tensor:
    return x / torch.linalg.vector_norm(x, p, axis, keepdim=True)


def _resize(
    x: Tensor,
    roi: Any = None,
    scales: Any = None,
    sizes: Any = None,
    mode: str = "nearest",
    coordinate_transformation_mode: str = "half_pixel",
    nearest_mode: str = "round_prefer_floor",
    cubic_coeff_a: float = -0.75,
    axes: Sequence[int] | None = None,
    **others: Any,
) -> Tensor:
    """One axis after the other: each new row is a weighted sum of old ones."""
    if any(others.get(name) for name in ("antialias", "exclude_outside")) or (
        others.get("keep_aspect_ratio_policy", "stretch") != "stretch"
    ):
        raise NotImplementedError(", ".join(others))
    along = list(range(x.ndim)) if axes is None else [axis % x.ndim for axis in axes]
    factors = [] if scales is None else scales.tolist()
    for position, axis in enumerate(along):
        old = x.shape[axis]
        new = int(old * factors[position]) if factors else numbers(sizes)[position]
        factor = factors[position] if factors else new / old
        if factor == 1 and new == old:
            continue
        at = _coordinates(coordinate_transformation_mode, old, new, factor)
        total: Any = 0
        for place, weight in _weighted(at, mode, nearest_mode, cubic_coeff_a):
            taken = x.index_select(axis, place.clamp(0, old - 1).to(x.device))
            shape = [-1 if other == axis else 1 for other in range(x.ndim)]
            total = total + taken * weight.to(x).reshape(shape)
        x = total
    return x


def _coordinates(mode: str, old: int, new: int, factor: float) -> Tensor:
    """Where each new place lies among the old ones."""
    places = torch.arange(new, dtype=torch.float64)
    if mode == "align_corners":
        return places * (old - 1) / max(1, new - 1)
    if mode == "asymmetric":
        return places / factor
    if mode == "pytorch_half_pixel" and new == 1:
        return places * 0
    if mode in ("half_pixel", "pytorch_half_pixel"):
        return (places + 0.5) / factor - 0.5
    raise NotImplementedError(mode)


def _weighted(at: Tensor, mode: str, nearest: str, a: float) -> list[tuple[Tensor, Tensor]]:
    """Old places, and how much each counts."""
    if mode == "nearest":
        rounded = {
            "floor": at.floor(),
            "ceil": at.ceil(),
            "round_prefer_floor": (at - 0.5).ceil(),
            "round_prefer_ceil": (at + 0.5).floor(),
        }[nearest]
        return [(rounded.long(), torch.ones_like(at))]
    low = at.floor()
    t = at - low
    if mode == "linear":
        return [(low.long(), 1 - t), (low.long() + 1, t)]
    weights = (
        ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a,
        ((a + 2) * t - (a + 3)) * t * t + 1,
        ((a + 2) * (1 - t) - (a + 3)) * (1 - t) * (1 - t) + 1,
        ((a * (2 - t) - 5 * a) * (2 - t) + 8 * a) * (2 - t) - 4 * a,
    )
    return [(low.long() + i - 1, weight) for i, weight in enumerate(weights)]


def _stft(
    signal: Tensor, step: Any, window: Tensor | None = None, length: Any = None, onesided: int = 1
) -> Tensor:
    """Signals (N, L, 1) -> (N, frames, frequencies, 2)."""
    if signal.ndim == 3 and signal.shape[2] != 1:
        raise NotImplementedError("complex signals")
    size = numbers(length)[0] if length is not None else len(window)  # type: ignore[arg-type]
    frames = signal.reshape(len(signal), -1).unfold(1, size, numbers(step)[0])
    frames = frames if window is None else frames * window
    found = torch.fft.rfft(frames) if onesided else torch.fft.fft(frames)
    return torch.view_as_real(found)


KNOWN: dict[str, Callable[..., Any]] = {
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Conv": _conv,
    "ConvTranspose": _transposed,
    "Einsum": lambda *parts, equation: torch.einsum(equation, *parts),
    "Gemm": _gemm,
    "GlobalAveragePool": lambda x: x.mean(_spatial(x), keepdim=True),
    "GlobalMaxPool": lambda x: x.amax(_spatial(x), keepdim=True),
    "GroupNormalization": _group_norm,
    "InstanceNormalization": _instance_norm,
    "LRN": lambda x, size, alpha=1e-4, beta=0.75, bias=1.0: functional.local_response_norm(
        x, size, alpha, beta, bias
    ),
    "LayerNormalization": _layer_norm,
    "LpNormalization": _lp_normalization,
    "MatMul": torch.matmul,
    "MaxPool": _max_pool,
    "RMSNormalization": _rms_norm,
    "Resize": _resize,
    "STFT": _stft,
}
