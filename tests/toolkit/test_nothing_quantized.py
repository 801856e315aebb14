"""A quantizer that changed nothing fails and says why; files of any exporter are taken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import NodeProto, TensorProto, helper, numpy_helper
from torch import nn

from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.onnxfile import metadata
from compbench.onnxfile.export import to_onnx
from compbench.techniques import (
    float16,
    quantize_aware,
    quantize_dynamic,
    quantize_static,
    quantize_weights,
)
from compbench.toolkit.quantize import onnxruntime as quantizers
from tests.nets import file_outputs, image_signature

SIGNATURE = image_signature(1, 12, 12)
PLUGINS = {
    "static": quantize_static,
    "dynamic": quantize_dynamic,
    "weights": quantize_weights,
    "float16": float16,
}


class Plain(nn.Module):
    """No weights at all."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)[:, :3].sin()


def convolutional() -> bytes:
    torch.manual_seed(0)
    return to_onnx(nn.Sequential(nn.Conv2d(1, 3, 12), nn.Flatten()).eval(), SIGNATURE)


@pytest.mark.parametrize("name", PLUGINS)
def test_no_quantizer_takes_a_net_without_weights(name: str, tiny: Data) -> None:
    with pytest.raises(JobFailed, match=r"nothing (was quantized|is in half precision): "):
        PLUGINS[name].Technique().rewrite(to_onnx(Plain(), SIGNATURE), tiny.training)


def test_no_training_is_for_a_file_that_is_not_quantized(tiny: Data) -> None:
    untouched: Any = None  # it is not trained

    with pytest.raises(JobFailed, match="nothing was quantized: "):
        quantize_aware.Technique(epochs=1).lower([Plain()], tiny.training, untouched)


def test_dynamic_quantization_of_convolutions_alone_says_what_would_be(tiny: Data) -> None:
    expected = (
        "nothing was quantized: the file has no Gemm or MatMul of constant weights; "
        'operators = ["Conv"] would be'
    )
    with pytest.raises(JobFailed) as caught:
        quantize_dynamic.Technique().rewrite(convolutional(), tiny.training)
    assert str(caught.value) == expected
    technique = quantize_dynamic.Technique(operators=("Conv",))
    assert len(technique.rewrite(convolutional(), tiny.training)) > 0


@pytest.mark.parametrize("name", ["static", "dynamic"])
def test_what_is_all_excluded_is_not_quantized(name: str, tiny: Data) -> None:
    torch.manual_seed(0)
    file = to_onnx(nn.Sequential(nn.Flatten(), nn.Linear(144, 3)).eval(), SIGNATURE)
    with pytest.raises(JobFailed, match="nothing was quantized: what could be is excluded"):
        PLUGINS[name].Technique(exclude=("*",)).rewrite(file, tiny.training)


@pytest.mark.parametrize("name", PLUGINS)
def test_one_of_two_linear_layers_can_be_left_out(name: str, tiny: Data) -> None:
    torch.manual_seed(0)
    layers = nn.Flatten(), nn.Linear(144, 64), nn.ReLU(), nn.Linear(64, 33)
    file = to_onnx(nn.Sequential(*layers).eval(), replace(SIGNATURE, outputs=33))
    made = PLUGINS[name].Technique(exclude=("node_linear_1",)).rewrite(file, tiny.training)
    kept = [
        sorted(weight.dims)
        for weight in onnx.load_model_from_string(made).graph.initializer
        if weight.data_type == TensorProto.FLOAT and len(weight.dims) == 2
    ]
    assert [33, 64] in kept
    assert [64, 144] not in kept


def test_blocks_that_make_a_file_larger_are_refused(tiny: Data) -> None:
    torch.manual_seed(0)
    layers = nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4, 300), nn.ReLU(), nn.Flatten()
    file = to_onnx(nn.Sequential(*layers).eval(), SIGNATURE)
    with pytest.raises(JobFailed, match="blocks of 256 weights are filled up"):
        quantize_weights.Technique(block_size=256).rewrite(file, tiny.training)


def foreign(opset: int, form: str) -> bytes:
    """Convolution, Relu, matrix product as others write them: no names, weights in odd places."""
    generator = np.random.default_rng(0)
    arrays = {
        "w": generator.normal(size=(4, 1, 3, 3)).astype(np.float32),
        "m": generator.normal(size=(400, 3)).astype(np.float32),
        "b": generator.normal(size=3).astype(np.float32),
    }
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    nodes: list[NodeProto] = [
        helper.make_node("Conv", ["serving_default:0", "w"], ["a"]),
        helper.make_node("Relu", ["a"], ["r"]),
        helper.make_node("Flatten", ["r"], ["f"]),
        helper.make_node("MatMul", ["f", "m"], ["p"]),
        helper.make_node("Add", ["p", "b"], ["out:0"]),
    ]
    inputs = [
        helper.make_tensor_value_info("serving_default:0", TensorProto.FLOAT, ["n", 1, 12, 12])
    ]
    if form == "constants":
        nodes = [helper.make_node("Constant", [], [t.name], value=t) for t in tensors] + nodes
    if form == "inputs":
        inputs += [helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in tensors]
    output = helper.make_tensor_value_info("out:0", TensorProto.FLOAT, ["n", 3])
    held = [] if form == "constants" else tensors
    graph = helper.make_graph(nodes, "others", inputs, [output], held)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=3 + 5 * (form != "inputs"))
    (feed,) = SIGNATURE.feeds()
    return metadata.fed(model.SerializeToString(), [replace(feed, name="serving_default:0")])


@pytest.mark.parametrize("opset", [9, 11, 17, 21])
@pytest.mark.parametrize("form", ["plain", "constants", "inputs"])
def test_files_of_other_exporters_are_quantized(opset: int, form: str, tiny: Data) -> None:
    parent = foreign(opset, form)
    before = file_outputs(parent, tiny)
    for name, plugin in PLUGINS.items():
        file = plugin.Technique().rewrite(parent, tiny.training)
        model = onnx.load_model_from_string(file)
        assert [x.name for x in model.graph.input] == ["serving_default:0"], name
        assert metadata.feeds(model) == metadata.feeds(parent), name
        found = file_outputs(file, tiny)
        assert np.abs(found - before).max() < (0.2 if name == "weights" else 0.05) * np.ptp(before)
    assert quantizers.prepared(parent).opset_import[0].version >= quantizers.LEAST_OPSET


def test_the_last_layer_can_be_kept_by_the_name_it_was_given(tiny: Data) -> None:
    kept = quantize_static.Technique(exclude=("MatMul_*",)).rewrite(
        foreign(17, "plain"), tiny.training
    )
    weights = onnx.load_model_from_string(kept).graph.initializer
    assert [w.data_type for w in weights if list(w.dims) == [400, 3]] == [TensorProto.FLOAT]
    assert onnxruntime.InferenceSession(kept, providers=["CPUExecutionProvider"])
