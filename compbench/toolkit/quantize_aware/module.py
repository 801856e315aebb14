"""A quantized ONNX file as a torch module that rounds where the file rounds, and can be trained."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from compbench.contracts import Signature, TrainingData, stateless
from compbench.errors import JobFailed, first_line
from compbench.onnxfile import metadata, nodes
from compbench.onnxfile.export import torch_outputs
from compbench.onnxfile.parity import parity
from compbench.runtime import inference
from compbench.runtime.target import Target
from compbench.toolkit.quantize.options import StaticOptions
from compbench.toolkit.quantize_aware import operators
from compbench.toolkit.quantize_aware.rounding import (
    Clipped,
    activation_ends,
    activation_scales,
    limits,
    rounded,
    weight_grids,
)

if TYPE_CHECKING:
    from onnxruntime.quantization.calibrate import TensorsData

LEAST_AGREEMENT = 0.95  # on the class, between a trained net and its file
_MOVING = ("Flatten", "MaxPool", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
_BOTH = (0, 1)
# operator -> which of its inputs are weights and biases, where they are constants
_WEIGHTS = {
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "MatMul", "Einsum"), _BOTH),
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm", "LayerNormalization"), (1, 2)),
    **dict.fromkeys(("BatchNormalization", "InstanceNormalization"), (1, 2)),
    **dict.fromkeys(("GroupNormalization", "RMSNormalization"), (1, 2)),
    **dict.fromkeys(("GRU", "LSTM", "RNN"), (1, 2, 3)),
    "Concat": tuple(range(8)),  # a token before all others, say
    "Gather": (0,),
    "PRelu": (1,),
}
_MOST_TRAINED = 1e4  # numbers above this one, infinity say, are masks


class Trainable(nn.Module):
    """The float graph `model`, rounding the weights and activations that `file` quantizes.

    Gradients pass roundings as if they were not there (Bengio et al., arXiv:1308.3432). A weight's
    scale follows its largest value; an activation's range is learned, by the gradients of what it
    clips (PACT: Choi et al., arXiv:1805.06085), and begins at `ranges`; one that the quantizer
    chooses itself, such as 0 to 1 for a softmax, stays.
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        file: bytes,
        ranges: TensorsData,
        options: StaticOptions,
        signature: Signature,
    ):
        super().__init__()
        self.model, self.ranges, self.signature = model, ranges, signature
        refuse_unknown(model)
        arrays = nodes.constants(model.graph)
        self.nodes = [_Node(node) for node in model.graph.node if node.output[0] not in arrays]
        self.inputs = [x.name for x in model.graph.input if x.name not in arrays]
        self.forward = _Forward(self, self.inputs)
        self.output = model.graph.output[0].name
        quantized = onnx.load_model_from_string(file)
        self.grids = weight_grids(quantized, options.reduce_range)
        self.activation_limits = limits(options.activation_type)
        moved = {node.outputs[0] for node in self.nodes if node.kind in _MOVING}
        self.scales = {  # what was only moved, or looked up in a weight, is rounded already
            name: scale
            for name, scale in activation_scales(quantized).items()
            if (name == scale or name not in moved) and scale in ranges
        }
        lows, highs = {}, {}
        self.chosen: dict[str, tuple[float, float]] = {}  # by the quantizer
        ends = activation_ends(quantized, options.activation_type)
        for scale in dict.fromkeys(self.scales.values()):
            low, high = (np.asarray(end).item() for end in ranges[scale].range_value)
            low, high = min(low, 0.0), max(high, 0.0)
            if _is_other((low, high), ends[scale], self.activation_limits):
                self.chosen[scale] = ends[scale]
                continue
            lows[scale] = nn.Parameter(torch.tensor(low))
            highs[scale] = nn.Parameter(torch.tensor(high))
        self.lows, self.highs = _Named(lows), _Named(highs)
        stored = {w.name for w in model.graph.initializer}
        trained = {
            node.inputs[place]
            for node in self.nodes
            for place in _WEIGHTS.get(node.kind, ())
            if place < len(node.inputs)
        }
        self.weights = _Named(
            {
                name: nn.Parameter(torch.from_numpy(array.copy()))
                for name, array in arrays.items()
                if name in stored
                if (name in trained or name in self.grids) and _is_weight(array)
            }
        )
        self.zeros = {n: self.weights[n].detach() == 0 for n in self.weights.places}
        self.constants = {n: a for n, a in arrays.items() if n not in self.weights.places}
        self.place: torch.device | None = None  # where `placed`, the constants as tensors, are
        self.placed: dict[str, Any] = {}

    def computed(self, *inputs: Tensor) -> Tensor:
        """What the file takes, in its order (N, …) -> its outputs, as the quantized file has them.

        Raises JobFailed, naming the node, where it can't be computed.
        """
        values: dict[str, Any] = {name: self._weight(name) for name in self.weights.places}
        if inputs[0].device != self.place:
            self.place = inputs[0].device
            self.placed = {n: _constant(array, self.place) for n, array in self.constants.items()}
        values |= self.placed
        for name, given in zip(self.inputs, inputs, strict=True):
            values[name] = self._activation(name, self._as_fed(name, given))
        for node in self.nodes:
            results = node(values)
            for name, result in zip(node.outputs, results, strict=False):
                values[name] = self._activation(name, result)
        return values[self.output]

    def _as_fed(self, name: str, prepared: Tensor) -> Tensor:
        """Raw again what is prepared, for a file that prepares it in its graph."""
        one = self.signature.inputs.get(name)
        if one is None or one.normalisation is None or not self.signature.in_graph:
            return prepared
        shape = (1, -1, *[1] * (prepared.ndim - 2))
        scale, offset = (
            torch.from_numpy(array).to(prepared.device).reshape(shape)
            for array in (one.normalisation.scale, one.normalisation.offset)
        )
        raw = (prepared - offset) / scale
        return raw if np.dtype(one.dtype).kind == "f" else raw.round()

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
        if name not in self.scales or not value.is_floating_point():
            return value
        scale = self.scales[name]
        if scale in self.chosen:
            low, high = (value.new_tensor(end) for end in self.chosen[scale])
        else:
            low, high = self.lows[scale].clamp(max=0), self.highs[scale].clamp(min=0)
        clipped: Any = Clipped.apply(value, low, high, *self.activation_limits)
        return clipped


class _Named(nn.ParameterList):
    """Parameters under names that torch would not take."""

    def __init__(self, named: dict[str, nn.Parameter]):
        super().__init__(named.values())
        self.places = {name: place for place, name in enumerate(named)}

    def __getitem__(self, name: Any) -> Any:
        return super().__getitem__(self.places[name])


class _Forward:
    """`forward` of a net whose arguments are called as the inputs of a file."""

    def __init__(self, net: Trainable, inputs: list[str]):
        self.net = net
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        self.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in inputs])

    def __call__(self, *inputs: Tensor) -> Tensor:
        return self.net.computed(*inputs)


class _Node:
    """A node of the graph, ready to be computed."""

    def __init__(self, node: onnx.NodeProto):
        self.name, self.kind = node.name, node.op_type
        self.inputs, self.outputs = list(node.input), list(node.output)
        self.operation: Callable[..., Any] = operators.KNOWN[node.op_type]
        self.settings = settings(node)

    def __call__(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """Its outputs. Raises JobFailed where torch can't compute them."""
        arguments = [values[name] if name else None for name in self.inputs]
        try:
            found = self.operation(*arguments, **self.settings)
        except torch.OutOfMemoryError:
            raise
        except (NotImplementedError, RuntimeError, TypeError, ValueError, KeyError) as error:
            raise JobFailed(
                f"it can't be trained as an ONNX file computes it: node '{self.name}' "
                f"({self.kind}): {first_line(error)}"
            ) from error
        return found if isinstance(found, tuple) else (found,)


def settings(node: onnx.NodeProto) -> dict[str, Any]:
    """A node's attributes by name, texts as such."""
    found = nodes.options(node)
    return {n: v.decode() if isinstance(v, bytes) else v for n, v in found.items()}


def refuse_unknown(model: onnx.ModelProto) -> None:
    """Raises JobFailed, naming node and operator, where a graph has what torch can't train here."""
    unknown = {
        node.op_type: node.name
        for node in reversed(model.graph.node)
        if node.op_type not in operators.KNOWN and node.op_type != "Constant"
    }
    if unknown:
        named = ", ".join(f"node '{name}' is {kind}" for kind, name in unknown.items())
        raise JobFailed(
            f"it can't be trained as an ONNX file computes it: {named}; "
            f"known: {', '.join(sorted(operators.KNOWN))}"
        )


def _is_other(
    asked: tuple[float, float], found: tuple[float, float], limits: tuple[int, int]
) -> bool:
    """Whether a range is another than was asked for, and not only because 0 is on its grid."""
    step = (asked[1] - asked[0]) / (limits[1] - limits[0])
    return any(abs(a - b) > step for a, b in zip(asked, found, strict=True))


def _is_weight(array: np.ndarray) -> bool:
    """No integers, no single number of a formula, no mask."""
    if array.dtype != np.float32 or array.size < 2:
        return False
    return bool((np.abs(array) < _MOST_TRAINED).all())  # no NaN either


def _constant(array: np.ndarray, place: torch.device) -> Tensor:
    """Floats where the inputs are; sizes and axes stay where they can be read."""
    tensor = torch.from_numpy(array.copy())
    return tensor.to(place) if array.dtype.kind == "f" else tensor


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
