"""nn.Module -> one ONNX file with its weights inside."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import nn
from torch.onnx._internal.exporter import _registration

from compbench.contracts import Shape
from compbench.errors import JobFailed

INPUT = "input"
OUTPUT = "logits"


def to_onnx(model: nn.Module, shape: Shape) -> bytes:
    """The ONNX file of a module: input "input" float32 (batch, C, H, W), output "logits".

    The batch size is free. The exporter's notes (source lines, node names) are removed: they differ
    between machines and are no part of what is deployed.
    """
    example = torch.zeros(2, *shape)
    with warnings.catch_warnings(), _one_table():
        warnings.simplefilter("ignore")  # the exporter's own deprecations, none of them ours
        program = torch.onnx.export(
            settled(model),
            (example,),
            dynamo=True,
            external_data=False,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            verbose=False,
        )
    assert program is not None
    return without_notes(program.model_proto)


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


def torch_logits(model: nn.Module, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits (N, K) of a torch module on the CPU, images in batches of 256.

    Raises JobFailed where it gives something else than one tensor.
    """
    parts = []
    with torch.no_grad():
        for images_of_batch in torch.from_numpy(images).split(256):
            parts.append(model(images_of_batch))
            if not isinstance(parts[-1], torch.Tensor):
                kind = type(parts[-1]).__name__
                raise JobFailed(f"the net gives a {kind}, not one tensor of logits")
    return torch.cat(parts).numpy()


def refuse_misshapen(shape: Sequence[int], count: int, classes: int, what: str) -> None:
    """Raises JobFailed where outputs are not (N, classes) for N images; `what` made them."""
    if tuple(shape) != (count, classes):
        raise JobFailed(
            f"{what} gives outputs of shape {tuple(shape)} for {count} images, not the logits of "
            f"{classes} classes ({count}, {classes})"
        )


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
