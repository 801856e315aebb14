"""Which integers a quantized ONNX file rounds to, and the same rounding in torch."""

from __future__ import annotations

from typing import Any, NamedTuple

import onnx
import torch
from onnx import TensorProto, numpy_helper
from torch import Tensor

from compbench.toolkit.quantize.onnxruntime import quant_type

_NAMES: dict[int, str] = {
    TensorProto.INT8: "int8",
    TensorProto.UINT8: "uint8",
    TensorProto.INT4: "int4",
}


def rounded(value: Tensor, low: Tensor, high: Tensor, least: int, most: int) -> Tensor:
    """`value`, which lies in low..high, on the grid of integers least..most that spans it.

    Its gradient is that of `value`.
    """
    with torch.no_grad():
        scale, zero = _scale(low, high, least, most)
        grid = ((value / scale).round() + zero).clamp(least, most)
        error = (grid - zero) * scale - value
    return value + error


class Clipped(torch.autograd.Function):
    """`rounded` for one scale, in one pass over memory, of values that may lie outside low..high.

    Gradients of values inside go to the values, of those outside to the end that they passed.
    """

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> Tensor:
        """Arguments as of `rounded`."""
        value, low, high, least, most = arguments
        ctx.save_for_backward(value, low, high)
        scale, zero = _scale(low, high, least, most)
        return torch.fake_quantize_per_tensor_affine(value, scale, zero.int(), least, most)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        """The gradients of value, low and high."""
        value, low, high = ctx.saved_tensors
        below, above = value < low, value > high
        (gradient,) = gradients
        inside = gradient.masked_fill(below | above, 0)
        return inside, gradient[below].sum(), gradient[above].sum(), None, None


def _scale(low: Tensor, high: Tensor, least: int, most: int) -> tuple[Tensor, Tensor]:
    scale = ((high - low) / (most - least)).clamp(min=torch.finfo(torch.float32).tiny)
    zero = torch.round(least - low / scale)
    middle = torch.full_like(zero, round((least + most) / 2))
    return scale, torch.where(low == -high, middle, zero)


class Grid(NamedTuple):
    """The integers a weight is rounded to; `axis` is that of its scales, None where it has one."""

    axis: int | None
    least: int
    most: int
    is_symmetric: bool


def weight_grids(file: onnx.ModelProto, reduce_range: bool) -> dict[str, Grid]:
    """Weight -> its integers. Biases (int32) are not among them: they lose nothing.

    ONNX Runtime's quantizer has one zero for all channels of a weight, in the middle; of weights
    with one scale it has the zero in the middle where the type is signed. Constants that are no
    weights to it have the type of activations, and their own zero.
    """
    tensors = {w.name: w for w in file.graph.initializer}
    grids = {}
    for node in file.graph.node:
        if node.op_type != "DequantizeLinear" or node.input[0] not in tensors:
            continue
        name = _NAMES.get(tensors[node.input[0]].data_type)
        if name is None:
            continue
        settings = {a.name: a.i for a in node.attribute}
        axis = settings.get("axis", 1) if tensors[node.input[1]].dims else None
        zero = numpy_helper.to_array(tensors[node.input[2]])
        is_symmetric = axis is not None or (name != "uint8" and not zero.any())
        grid = Grid(axis, *limits(name, is_symmetric, reduce_range), is_symmetric)
        grids[node.input[0].removesuffix("_quantized")] = grid
    return grids


def activation_ends(file: onnx.ModelProto, name: str) -> dict[str, tuple[float, float]]:
    """Activation -> the least and the largest number that its integers, of type `name`, stand for.

    Of each that is the key of a range, see `activation_scales`.
    """
    held = {w.name: w for w in file.graph.initializer}
    ends = {}
    for node in file.graph.node:
        if node.op_type == "QuantizeLinear" and {*node.input[1:3]} <= held.keys():
            scale, zero = (numpy_helper.to_array(held[x]) for x in node.input[1:3])
            if not scale.ndim:
                least, most = (float((end - int(zero)) * scale) for end in limits(name))
                ends[node.input[1].removesuffix("_scale")] = least, most
    return ends


def activation_scales(file: onnx.ModelProto) -> dict[str, str]:
    """Quantized activation -> the one whose range it shares, mostly itself."""
    return {
        node.input[0].removesuffix("_QuantizeLinear_Input"): node.input[1].removesuffix("_scale")
        for node in file.graph.node
        if node.op_type == "QuantizeLinear"
    }


def limits(name: str, is_symmetric: bool = False, reduced: bool = False) -> tuple[int, int]:
    """The least and the largest integer of a type, as ONNX Runtime's quantizer uses it."""
    from onnxruntime.quantization.quant_utils import get_qmin_qmax_for_qType

    ends = get_qmin_qmax_for_qType(quant_type(name).tensor_type, reduced, symmetric=is_symmetric)
    return int(ends[0]), int(ends[1])
