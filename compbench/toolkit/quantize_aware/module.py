"""A quantized ONNX file as a torch module that rounds where the file rounds, and can be trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from compbench.contracts import TrainingData, stateless
from compbench.errors import JobFailed
from compbench.onnxfile import metadata
from compbench.onnxfile.export import torch_outputs
from compbench.onnxfile.parity import parity
from compbench.runtime import inference
from compbench.runtime.target import Target
from compbench.toolkit.quantize.options import StaticOptions
from compbench.toolkit.quantize_aware import operators
from compbench.toolkit.quantize_aware.rounding import (
    Clipped,
    activation_scales,
    limits,
    rounded,
    weight_grids,
)

if TYPE_CHECKING:
    from onnxruntime.quantization.calibrate import TensorsData

LEAST_AGREEMENT = 0.95  # on the class, between a trained net and its file
_MOVING = ("Flatten", "MaxPool", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
_LAYERS = ("Conv", "Gemm", "MatMul", "Add")  # float constants of these are weights and biases


class Trainable(nn.Module):
    """The float graph `model`, rounding the weights and activations that `file` quantizes.

    Gradients pass roundings as if they were not there (Bengio et al., arXiv:1308.3432). A weight's
    scale follows its largest value; an activation's range is learned, by the gradients of what it
    clips (PACT: Choi et al., arXiv:1805.06085), and begins at `ranges`.
    """

    def __init__(
        self, model: onnx.ModelProto, file: bytes, ranges: TensorsData, options: StaticOptions
    ):
        super().__init__()
        self.model, self.ranges = model, ranges
        self.nodes = [_Node(node) for node in model.graph.node]
        self.output = model.graph.output[0].name
        quantized = onnx.load_model_from_string(file)
        self.grids = weight_grids(quantized, options.reduce_range)
        self.activation_limits = limits(options.activation_type, is_weight=False)
        moved = {node.output for node in self.nodes if node.kind in _MOVING}
        self.scales = {  # what was only moved is rounded already
            name: scale
            for name, scale in activation_scales(quantized).items()
            if name == scale or name not in moved
        }
        lows, highs = {}, {}
        for scale in dict.fromkeys(self.scales.values()):
            low, high = (np.asarray(end).item() for end in ranges[scale].range_value)
            lows[scale] = nn.Parameter(torch.tensor(min(low, 0.0)))
            highs[scale] = nn.Parameter(torch.tensor(max(high, 0.0)))
        self.lows, self.highs = _Named(lows), _Named(highs)
        trained = {name for n in self.nodes if n.kind in _LAYERS for name in n.inputs}
        arrays = {w.name: numpy_helper.to_array(w) for w in model.graph.initializer}
        self.weights = _Named(
            {
                name: nn.Parameter(torch.from_numpy(array.copy()))
                for name, array in arrays.items()
                if name in trained and array.dtype == np.float32
            }
        )
        self.zeros = {n: self.weights[n].detach() == 0 for n in self.weights.places}
        self.constants = {n: a for n, a in arrays.items() if n not in self.weights.places}
        self.place: torch.device | None = None  # where `placed`, the constants as tensors, are
        self.placed: dict[str, Any] = {}

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) -> logits (N, K), as the quantized file computes them."""
        values: dict[str, Any] = {name: self._weight(name) for name in self.weights.places}
        if images.device != self.place:
            self.place = images.device
            self.placed = {n: _constant(array, images) for n, array in self.constants.items()}
        values |= self.placed
        name = self.model.graph.input[0].name
        values[name] = self._activation(name, images)
        for node in self.nodes:
            arguments = [values[name] if name else None for name in node.inputs]
            result = node.operation(*arguments, **node.settings)
            values[node.output] = self._activation(node.output, result)
        return values[self.output]

    @stateless
    def keep_zeros(self, share_done: float) -> bool:
        """After a step of training: weights that were zero are set to zero again."""
        with torch.no_grad():
            for name, zeros in self.zeros.items():
                if self.weights[name].ndim > 1:
                    self.zeros[name] = zeros.to(self.weights[name].device)  # copied once
                    self.weights[name].masked_fill_(self.zeros[name], 0)
        return True

    def trained(self) -> tuple[onnx.ModelProto, TensorsData]:
        """The float graph with the weights, and the ranges, that training ended with."""
        from onnxruntime.quantization.calibrate import TensorData, TensorsData

        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        for weight in model.graph.initializer:
            if weight.name in self.weights.places:
                array = self.weights[weight.name].detach().numpy()
                weight.CopyFrom(numpy_helper.from_array(array, weight.name))
        ranges = dict(self.ranges.items())
        for scale in self.lows.places:
            low, high = (ends[scale].detach().numpy() for ends in (self.lows, self.highs))
            ranges[scale] = TensorData(
                lowest=np.float32(min(low, 0)), highest=np.float32(max(high, 0))
            )
        method: Any = self.ranges.calibration_method
        return model, TensorsData(method, ranges)

    def _weight(self, name: str) -> Tensor:
        weight = self.weights[name]
        if name not in self.grids:
            return weight
        grid = self.grids[name]
        with torch.no_grad():
            others = [axis for axis in range(weight.ndim) if axis != grid.axis]
            low = weight.amin(others, keepdim=True).clamp(max=0)
            high = weight.amax(others, keepdim=True).clamp(min=0)
            if grid.is_symmetric:
                high = torch.maximum(-low, high)
                low = -high
        return rounded(weight, low, high, grid.least, grid.most)

    def _activation(self, name: str, value: Tensor) -> Tensor:
        if name not in self.scales:
            return value
        low = self.lows[self.scales[name]].clamp(max=0)
        high = self.highs[self.scales[name]].clamp(min=0)
        clipped: Any = Clipped.apply(value, low, high, *self.activation_limits)
        return clipped


class _Named(nn.ParameterList):
    """Parameters under names that torch would not take."""

    def __init__(self, named: dict[str, nn.Parameter]):
        super().__init__(named.values())
        self.places = {name: place for place, name in enumerate(named)}

    def __getitem__(self, name: Any) -> Any:
        return super().__getitem__(self.places[name])


class _Node:
    """A node of the graph, ready to be computed."""

    def __init__(self, node: onnx.NodeProto):
        if node.op_type not in operators.KNOWN:
            raise JobFailed(
                f"it can't be trained as an ONNX file computes it: node '{node.name}' is "
                f"{node.op_type}; known: {', '.join(sorted(operators.KNOWN))}"
            )
        self.kind, self.inputs, self.output = node.op_type, list(node.input), node.output[0]
        self.operation: Callable[..., Any] = operators.KNOWN[node.op_type]
        self.settings = {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _constant(array: np.ndarray, like: Tensor) -> Any:
    """Shapes and axes as lists, float constants as tensors."""
    return torch.tensor(array, device=like.device) if array.dtype.kind == "f" else array.tolist()


def refuse_drift(net: Trainable, file: bytes, data: TrainingData) -> None:
    """Raises JobFailed where a file decides unlike the net that was trained to become it.

    A rounding may fall the other way now and then, so a few images may get another class.
    """
    split = data.validation
    feeds = metadata.feeds(net.model) or data.signature.feeds()
    outputs = inference.outputs_of(metadata.fed(file, feeds), Target(), split.arrays)
    found = parity(torch_outputs(net, data, split.batches(inference.BATCH)), outputs, data.task)
    if found.agreement < LEAST_AGREEMENT:
        raise JobFailed(
            f"{found.agreement:.1%} of the quantized file's answers on the validation split are "
            f"those of the trained net (needed: {LEAST_AGREEMENT:.0%}): this CPU may "
            "saturate sums of 8-bit products, which reduce_range = true avoids"
        )
