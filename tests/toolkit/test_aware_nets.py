"""Nets of all kinds, trained with the roundings of their files: images, texts and sounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from compbench.contracts import Input, Signature, Split, TrainingData
from compbench.onnxfile import nodes
from compbench.onnxfile.export import to_onnx
from compbench.tasks import classification
from compbench.techniques import quantize_aware, quantize_static
from compbench.toolkit.quantize.onnxruntime import calibrated, opset, prepared, quantized
from compbench.toolkit.quantize_aware.module import Trainable, _Node, refuse_unknown
from compbench.training.loop import Fit
from tests.nets import image_signature
from tests.nets_of_all_kinds import NETS

IMAGES = image_signature(1, 12, 12)
PIXELS = np.random.default_rng(0).normal(size=(64, 1, 12, 12)).astype(np.float32)
BROKEN = ("lstm-projected",)  # torch writes a file that ONNX Runtime can't run either
QUICK = ("group-norm", "prelu", "instance-norm", "encoder", "lstm", "gru", "conv1d", "upsample")


class Texts(nn.Module):
    """Tokens and a mask, a positional encoding, attention over what the mask leaves."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(30, 16, padding_idx=0)
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(16, 3)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        places = torch.arange(tokens.shape[1], device=tokens.device)[:, None] / 10
        x = self.embedding(tokens) + torch.cat([places.sin(), places.cos()], 1).repeat(1, 8)
        x = self.encoder(x, src_key_padding_mask=mask == 0)
        weight = mask.unsqueeze(-1).float()
        return self.head((x * weight).sum(1) / weight.sum(1).clamp(min=1))


class Sounds(nn.Module):
    """Log spectra of a waveform, a depthwise convolution over time, squeeze and excite."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(32))
        self.first, self.deep = nn.Conv1d(17, 8, 3), nn.Conv1d(8, 8, 3, groups=8)
        self.norm, self.gate = nn.BatchNorm1d(8), nn.Conv1d(8, 8, 1)
        self.head = nn.Linear(8, 3)

    def forward(self, waveform: Tensor) -> Tensor:
        window: Any = self.window
        spectrum = torch.stft(waveform, 32, 8, window=window, return_complex=True, center=False)
        x = nn.functional.hardswish(self.first((spectrum.abs().square() + 1e-3).log()))
        x = nn.functional.silu(self.norm(self.deep(x)))
        x = x * nn.functional.hardsigmoid(self.gate(x.mean(2, keepdim=True)))
        return self.head(x.mean(2))


def texts() -> TrainingData:
    generator = np.random.default_rng(0)
    tokens = generator.integers(1, 30, (64, 9))
    mask = (np.arange(9) < generator.integers(3, 10, (64, 1))).astype(np.int64)
    inputs = {"tokens": tokens * mask, "mask": mask}
    return _data(inputs, tokens[:, 0] % 3)


def sounds() -> TrainingData:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 64)
    wave = np.sin(np.arange(200) * (labels[:, None] + 1) / 5) + generator.normal(size=(64, 200)) / 9
    return _data({"waveform": wave.astype(np.float32)}, labels)


def _data(inputs: dict[str, np.ndarray], targets: np.ndarray) -> TrainingData:
    split = Split(inputs, targets.astype(np.int64))
    kinds = {name: Input(a.dtype.name, a.shape[1:]) for name, a in inputs.items()}
    return TrainingData(split, split, classification.Task(), Signature(kinds, 3))


def built(name: str) -> nn.Module:
    torch.manual_seed(0)
    model = NETS[name]()
    model(torch.randn(2, 1, 12, 12))  # lazy ones find their shapes
    return model.eval()


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize(
    "name",
    [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in NETS if n not in BROKEN],
)
def test_the_graph_of_a_net_is_computed_in_torch_as_it_is_in_onnx_runtime(name: str) -> None:
    try:
        model = prepared(to_onnx(built(name), IMAGES))
    except torch.onnx.errors.OnnxExporterError:
        pytest.skip("torch can't export it")
    refuse_unknown(model)
    image = np.random.default_rng(0).normal(size=(2, 1, 12, 12)).astype(np.float32)
    held = nodes.constants(model.graph)
    values: dict[str, Any] = {n: torch.from_numpy(np.array(a)) for n, a in held.items()}
    values[model.graph.input[0].name] = torch.from_numpy(image)
    for node in model.graph.node:
        if node.op_type != "Constant":
            values.update(zip(node.output, _Node(node)(values), strict=False))
    session = onnx_session(model.SerializeToString())
    theirs: Any = session.run(None, {model.graph.input[0].name: image})[0]
    assert np.allclose(values[model.graph.output[0].name].numpy(), theirs, atol=1e-3)


def trainable(
    name: str, options: quantize_static.Technique
) -> tuple[Trainable, bytes, onnx.ModelProto]:
    """A net before it is trained, the quantized file that it is to become, and its float graph."""
    split = Split({next(iter(IMAGES.inputs)): PIXELS}, np.arange(len(PIXELS)) % 10)
    data = TrainingData(split, split, classification.Task(), IMAGES)
    model = prepared(to_onnx(built(name), IMAGES), opset(options))
    ranges = calibrated(model, data, options)
    file = quantized(model, ranges, options)
    return Trainable(model, file, ranges, options, IMAGES), file, model


TYPES = [("int8", "uint8"), ("int8", "int8"), ("uint8", "uint8"), ("int4", "uint8")]


@pytest.mark.parametrize(("weights", "activations"), TYPES)
@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("name", ["encoder", "layer-scale", "embedded", "pools"])
def test_a_net_begins_as_its_quantized_file(
    name: str, per_channel: bool, weights: Any, activations: Any
) -> None:
    """Which integers weights, constants and activations become, is as the file has it."""
    options = quantize_static.Technique(
        weight_type=weights, activation_type=activations, per_channel=per_channel
    )
    net, file, model = trainable(name, options)
    as_written = onnxruntime.SessionOptions()  # the fused kernels of pools round otherwise
    as_written.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(file, as_written, providers=["CPUExecutionProvider"])
    theirs: Any = session.run(None, {model.graph.input[0].name: PIXELS})[0]
    with torch.no_grad():
        ours = net.computed(torch.from_numpy(PIXELS)).numpy()
    off = np.abs(ours - theirs)
    assert np.median(off) < 1e-5
    # a rounding may fall the other way where the order of a sum is another
    assert off.max() < 0.2 * theirs.std()


def test_a_range_that_the_quantizer_chooses_itself_is_not_learned() -> None:
    """ONNX Runtime gives every softmax the range from 0 to 1, whatever it is told."""
    net, _, model = trainable("encoder", quantize_static.Technique())
    softmax = [n.output[0] for n in model.graph.node if n.op_type == "Softmax"]
    assert [*net.chosen] == softmax
    assert net.chosen[softmax[0]] == pytest.approx((0, 1))
    assert not {*softmax} & net.lows.places.keys()


@pytest.mark.parametrize(("make", "given"), [(Texts, texts), (Sounds, sounds)])
def test_texts_and_sounds_are_trained_as_their_files_compute(make: Any, given: Any) -> None:
    data = given()
    torch.manual_seed(0)
    fit = Fit(data, 0, lambda epoch, total: None)
    technique = quantize_aware.Technique(epochs=2, learning_rate=2e-3)
    file = technique.lower([make().eval()], data, fit)  # refuses a file unlike what was trained
    static = quantize_static.Technique().rewrite(to_onnx(make().eval(), data.signature), data)
    session = onnx_session(file)
    assert [x.name for x in session.get_inputs()] == list(data.signature.inputs)
    assert abs(len(file) - len(static)) < 200


def onnx_session(file: bytes) -> onnxruntime.InferenceSession:
    """ONNX Runtime's own."""
    return onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
