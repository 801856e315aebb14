"""What comes before anything that is learnt: it is found, and keeps its number format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from compbench.contracts import (
    Input,
    LoweringTechnique,
    Normalisation,
    OnnxTechnique,
    Recipe,
    Signature,
    Split,
    TrainingData,
)
from compbench.contracts.inputs import WAVEFORM
from compbench.models import cnn, gpt, keyword_cnn, text_cnn
from compbench.onnxfile import front_end, metadata, size
from compbench.onnxfile.export import to_onnx
from compbench.registry import registry
from compbench.tasks import classification
from compbench.techniques import float16, quantize_dynamic
from compbench.training.loop import Fit

SOUND = Signature(
    {WAVEFORM: Input("float32", (2000,), Normalisation((0.0,), (1.0,)), rate=8000)}, 4
)
PIXELS = Signature({"pixels": Input("uint8", (1, 8, 8), Normalisation((0.1,), (0.3,)))}, 4)
FEATURES = Signature({"x": Input("float32", (6,))}, 4)
TOKENS = Signature({n: Input("int64", (6,), values=9) for n in ("tokens", "mask")}, 4)

RAW = Input("uint8", (3, 8, 8), Normalisation((0.1, 0.2, 0.3), (0.3, 0.4, 0.5), 255.0))
TEXT = Signature({"tokens": Input("int64", (8,), values=9)}, 9)


class Scaled(nn.Module):
    """Features less what a buffer says, then two layers; a linear layer's weight in between."""

    def __init__(self) -> None:
        super().__init__()
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", torch.arange(6.0))
        self.register_buffer("scale", torch.ones(6) * 3)
        self.first, self.second = nn.Linear(6, 6), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.second((self.first((x - self.mean).abs()) * self.scale).relu())


class Learnt(nn.Module):
    """The buffer comes after a weight."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(6))
        self.inner = Scaled()

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x * self.gain)


@pytest.mark.parametrize(
    ("build", "signature", "operators"),
    [
        (keyword_cnn.Model().build, SOUND, {"Conv", "Log", "MatMul"}),
        (lambda _: Scaled(), FEATURES, {"Sub", "Abs"}),
        (lambda _: Learnt(), FEATURES, set()),
        (lambda _: nn.Linear(6, 4), FEATURES, set()),
        (cnn.Model().build, PIXELS, set()),  # nothing of the net's own is before its weights
        (text_cnn.Model().build, TOKENS, set()),
    ],
)
def test_it_ends_where_something_is_learnt(
    build: Callable[[Signature], nn.Module], signature: Signature, operators: set[str]
) -> None:
    file = onnx.load_model_from_string(to_onnx(build(signature).eval(), signature))
    names = front_end.said(file)
    by_name = {node.name: node for node in file.graph.node}
    found = [by_name[name] for name in names]
    assert {node.op_type for node in found} >= operators
    assert bool(found) == bool(operators)
    used = {name for node in found for name in node.input}
    assert not any("weight" in name or "gain" in name for name in used)


def test_normalisation_in_the_graph_is_a_part_of_it() -> None:
    signature = Signature({"pixels": RAW}, 4, in_graph=True)
    file = onnx.load_model_from_string(to_onnx(cnn.Model().build(signature).eval(), signature))
    by_name = {node.name: node.op_type for node in file.graph.node}
    assert [by_name[name] for name in front_end.said(file)] == ["Cast", "Mul", "Add"]


@pytest.fixture(scope="module")
def sounds() -> TrainingData:
    """Tones of four pitches, of which some are a hundred times as loud as others."""
    random = np.random.default_rng(0)
    labels = np.arange(96) % 4
    times = np.arange(2000) / 8000
    loud = 10 ** random.uniform(-1, 1, 96)
    tones = np.sin(
        2 * np.pi * (300 + 500 * labels[:, None]) * times + random.uniform(0, 6, (96, 1))
    )
    waves = (loud[:, None] * (tones + 0.1 * random.normal(size=tones.shape))).astype(np.float32)
    split = Split({WAVEFORM: waves}, labels)
    return TrainingData(split, split, classification.Task(), SOUND)


@pytest.mark.parametrize(
    "name",
    ["quantize_static", "quantize_dynamic", "quantize_weights", "quantize_aware", "float16"],
)
def test_a_spectrogram_is_computed_in_floats(name: str, sounds: TrainingData) -> None:
    torch.manual_seed(0)
    family = keyword_cnn.Model(channels=(8, 16), mels=20)
    model = family.build(SOUND)
    Fit(sounds, 0, lambda *_: None)(model, Recipe(epochs=20, batch_size=16, learning_rate=1e-2))
    file = to_onnx(model.eval(), SOUND)
    plugin = registry.find("technique", name)
    if issubclass(plugin, OnnxTechnique):
        options = {"block_size": 16} if name == "quantize_weights" else {}
        made = plugin(**options).rewrite(file, sounds)
    else:
        assert issubclass(plugin, LoweringTechnique)
        no_epochs: dict[str, Any] = {"epochs": 0}
        made = plugin(**no_epochs).lower([model], sounds, Fit(sounds, 0, lambda *_: None))
    float32 = {
        w.name
        for w in onnx.load_model_from_string(made).graph.initializer
        if w.data_type == onnx.TensorProto.FLOAT
    }
    assert {"log_mel.basis", "log_mel.bands"} <= float32
    assert _accuracy(made, sounds) >= _accuracy(file, sounds) - 0.05 > 0.9


def _accuracy(file: bytes, data: TrainingData) -> float:
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, data.prepared(data.train.arrays))
    return float((np.asarray(logits).argmax(1) == data.train.targets).mean())


NETS = {
    "keyword_cnn": (keyword_cnn.Model().build, SOUND),
    "gpt": (gpt.Model(width=16, layers=1, heads=2).build, TEXT),
    "scaled": (lambda _: Scaled(), FEATURES),
    "in the graph": (cnn.Model().build, Signature({"pixels": RAW}, 4, in_graph=True)),
}


@pytest.mark.parametrize("name", NETS)
def test_parameters_are_those_that_are_learnt(name: str) -> None:
    """No basis of a spectrum, no mask, nothing that inputs are scaled by; in files of files too."""
    build, signature = NETS[name]
    torch.manual_seed(0)
    model = build(signature).eval()
    norms = [layer.num_features for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]
    folded = sum(size for size in norms if size > 1)  # that of the spectrogram has nothing before
    learnt = sum(p.numel() for p in model.parameters()) - folded
    with torch.no_grad():
        for parameter in model.parameters():  # as trained: no ones and zeros
            parameter.add_(0.01 * torch.randn_like(parameter))
    file = to_onnx(model, signature)
    unread: Any = None  # neither looks at samples
    rewritten = (t.Technique().rewrite(file, unread) for t in (float16, quantize_dynamic))
    for made in (file, *rewritten):
        kept = metadata.written(made, metadata.read(file))  # as `make.job` keeps it
        found = size.measure(kept)
        assert found.parameters == learnt
        assert found.nonzero_parameters is not None
        assert found.nonzero_parameters > 0.9 * learnt
