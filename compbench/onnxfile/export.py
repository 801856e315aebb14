"""nn.Module -> one ONNX file with its weights inside."""

from __future__ import annotations

import warnings

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import nn

from compbench.contracts import Shape

INPUT = "input"
OUTPUT = "logits"


def to_onnx(model: nn.Module, shape: Shape) -> bytes:
    """The ONNX file of a module: input "input" float32 (batch, C, H, W), output "logits".

    The batch size is free. The exporter's notes (source lines, node names) are removed: they differ
    between machines and are no part of what is deployed.
    """
    example = torch.zeros(2, *shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations, none of them ours
        program = torch.onnx.export(
            model.eval(),
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


def without_notes(model: onnx.ModelProto) -> bytes:
    """The file without metadata and documentation strings, the same bytes every time."""
    graph = model.graph
    everything = (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer)
    for item in (model, graph, *everything):
        item.ClearField("metadata_props")
        item.ClearField("doc_string")
    return model.SerializeToString(deterministic=True)


def torch_logits(model: nn.Module, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits (N, K) of a torch module on the CPU, images in batches of 256."""
    with torch.no_grad():
        parts = torch.from_numpy(images).split(256)
        return torch.cat([model(part) for part in parts]).numpy()
