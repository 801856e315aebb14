"""nn.Module -> one ONNX file with its weights inside."""

from __future__ import annotations

import json
import traceback
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import nn
from torch.onnx._internal.exporter import _registration

from compbench.contracts import Input, Inputs, Signature, TrainingData
from compbench.contracts.arguments import arguments
from compbench.errors import JobFailed, told
from compbench.onnxfile import front_end, metadata

_LOOKED_AT = 16  # values of a tensor that most often tell that it is of no buffer


def to_onnx(model: nn.Module, signature: Signature) -> bytes:
    """The ONNX file of a module: inputs called as the dataset's that it takes, one output.

    The batch size is free, and so are the axes that the inputs say. The exporter's notes (source
    lines, node names) are removed: they differ between machines and are no part of what is
    deployed. How the file is fed stands in its metadata. Raises JobFailed.
    """
    names = signature.taken_by(model)
    inputs = {name: signature.inputs[name] for name in names}
    whole = _Prepared(model, signature, names) if signature.in_graph else settled(model)
    example = tuple(_zeros(one, signature.in_graph) for one in inputs.values())
    free: dict[int, Any] = {}
    dims = tuple(_dynamic(one, free) for one in inputs.values())
    with warnings.catch_warnings(), _one_table(), _cause_told():
        warnings.simplefilter("ignore")  # the exporter's own deprecations, none of them ours
        program = torch.onnx.export(
            whole,
            example,
            dynamo=True,
            external_data=False,
            input_names=list(names),
            output_names=[signature.output],
            dynamic_shapes=_shapes(whole, dims),
            verbose=False,
        )
    assert program is not None
    made = program.model_proto
    buffers, parameters = dict(whole.named_buffers()), dict(whole.named_parameters())
    first = front_end.nodes(made, buffers, parameters)
    constants = _of_buffers(made.graph, buffers, parameters)
    said = {metadata.NOT_LEARNT: json.dumps(constants)} if constants else {}
    file = metadata.written(without_notes(made), front_end.told(first) | said)
    return metadata.fed(file, signature.feeds(names))


def _of_buffers(
    graph: onnx.GraphProto, buffers: Mapping[str, torch.Tensor], parameters: Collection[str]
) -> list[str]:
    """The initializers that are a net's buffers, or parts of one under names of the exporter's.

    A mask, a spectrum's basis, what inputs are scaled by. The exporter folds what is computed of
    constants alone: a mask's first rows, a basis turned. All values of such a part are among the
    buffer's.
    """
    floats = [b.detach().float().numpy() for b in buffers.values() if b.is_floating_point()]
    found = []
    for one in graph.initializer:
        if one.name in buffers:
            found.append(one.name)
        elif one.name not in parameters and one.data_type == onnx.TensorProto.FLOAT:
            values = onnx.numpy_helper.to_array(one)
            if any(_is_part(values, buffer) for buffer in floats):
                found.append(one.name)
    return found


def _is_part(values: NDArray[Any], buffer: NDArray[Any]) -> bool:
    some = values.ravel()[:_LOOKED_AT]
    if not np.isin(some, buffer).all():
        return False
    different = np.unique(values)  # all alike, such as zeros, it may be a bias as well
    return len(different) > 1 and bool(np.isin(different, buffer).all())


@contextmanager
def _cause_told() -> Iterator[None]:
    """The exporter's own words are of its steps: what stopped it is the cause behind them."""
    try:
        yield
    except Exception as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        reason = f"it can't be exported to ONNX: {told(cause)}"
        raise JobFailed(reason, traceback.format_exc()) from error


class _Prepared(nn.Module):
    """A net behind the normalisation of what it takes: raw inputs -> its outputs."""

    def __init__(self, model: nn.Module, signature: Signature, names: Sequence[str]):
        super().__init__()
        self.model = settled(model)
        for place, name in enumerate(names):
            scale, offset = _scaling(signature.inputs[name])
            self.register_buffer(f"scale_{place}", scale)
            self.register_buffer(f"offset_{place}", offset)

    def forward(self, *raw: torch.Tensor) -> torch.Tensor:
        """As `contracts.inputs.Normalisation.apply`."""
        return self.model(*(self._prepared(place, array) for place, array in enumerate(raw)))

    def _prepared(self, place: int, raw: torch.Tensor) -> torch.Tensor:
        scale, offset = (getattr(self, f"{name}_{place}") for name in ("scale", "offset"))
        return raw if scale is None else raw.to(torch.float32) * scale + offset


def _scaling(one: Input) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    if one.normalisation is None:
        return None, None
    shape = (1, -1, *[1] * (len(one.shape) - 1))
    both = (one.normalisation.scale, one.normalisation.offset)
    scale, offset = (torch.from_numpy(array).reshape(shape) for array in both)
    return scale, offset


def _zeros(one: Input, is_raw: bool) -> torch.Tensor:
    dtype = np.dtype(one.dtype if is_raw else one.prepared_dtype)
    return torch.from_numpy(np.zeros((2, *one.shape), dtype))


def _dynamic(one: Input, lengths: dict[int, Any]) -> dict[int, Any]:
    """The free axes of an input: the batch, and lengths, which inputs of one length share."""
    found = {0: torch.export.Dim("batch")}
    for axis in one.free_axes:
        length = one.shape[axis]
        lengths.setdefault(
            length, torch.export.Dim(f"length{len(lengths) or ''}", min=2, max=length)
        )
        found[axis + 1] = lengths[length]
    return found


def _shapes(model: nn.Module, dims: tuple[dict[int, Any], ...]) -> Any:
    """As `torch.export` wants them: of variadic arguments in a tuple of their own."""
    return (dims,) if isinstance(model, _Prepared) else dims


@contextmanager
def _one_table() -> Iterator[None]:
    """The exporter's table of translations, made once: each export would make it anew in a second.

    Nothing of torch's public interface takes one; where a torch makes it otherwise, it still does.
    """
    registry = getattr(_registration, "ONNXRegistry", None)
    making = getattr(registry, "from_torchlib", None)
    if registry is None or making is None:
        yield
        return

    def made(*args: Any, **options: Any) -> Any:
        asked = (registry, args, tuple(sorted(options.items())))
        if asked not in _tables:
            _tables[asked] = making(*args, **options)
        return _tables[asked]

    before = vars(registry)["from_torchlib"]
    registry.from_torchlib = staticmethod(made)
    try:
        yield
    finally:
        registry.from_torchlib = before


_tables: dict[Any, Any] = {}


def without_notes(model: onnx.ModelProto) -> bytes:
    """The file without metadata and documentation strings, the same bytes every time."""
    graph = model.graph
    everything = (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer)
    for item in (model, graph, *everything):
        item.ClearField("metadata_props")
        item.ClearField("doc_string")
    return model.SerializeToString(deterministic=True)


def torch_outputs(
    model: nn.Module, data: TrainingData, batches: Iterable[Inputs]
) -> NDArray[np.float32]:
    """What a torch module on the CPU gives for batches of raw inputs (N, …).

    Raises JobFailed where it gives something else than one tensor.
    """
    parts = []
    with torch.no_grad():
        for raw in batches:
            parts.append(model(*arguments(model, data, raw)))
            if not isinstance(parts[-1], torch.Tensor):
                kind = type(parts[-1]).__name__
                raise JobFailed(f"the net gives a {kind}, not one tensor")
    return torch.cat(parts).numpy()


def settled(model: nn.Module) -> nn.Module:
    """The module itself in evaluation mode, its parameters and buffers on the CPU and contiguous.

    So it is exported and stored, wherever a technique left it. Raises JobFailed, naming the
    tensor, where it can't come to the CPU.
    """
    model.eval()
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if tensor.device.type == "meta":
            raise JobFailed(f"'{name}' is on the device meta: it has a shape and no values")
    model.to("cpu")
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data = tensor.data.contiguous()
    for module in model.modules():
        for name, value in module.__dict__.items():
            if isinstance(value, torch.Tensor) and not value.is_cpu:  # no buffer: it stayed
                module.__dict__[name] = value.detach().cpu()
    return model
