"""Nets as users bring them: each technique works on them, or fails by a reason that is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from compbench.contracts import Input, Signature, Split, TorchTechnique, TrainingData
from compbench.data.torchvision import torchvision
from compbench.errors import JobFailed
from compbench.make import checkpoint
from compbench.models import resnet8
from compbench.onnxfile.export import settled, to_onnx, torch_outputs
from compbench.registry import registry
from compbench.toolkit import layers, masks
from compbench.training.loop import Fit

CLASSES = 10
IMAGES = Input("float32", (3, 32, 32))
WAVES = Input("float32", (2, 64))
TOKENS = Input("int64", (12,))


def small_resnet8() -> nn.Module:
    return resnet8.Model(width=8).build(Signature({"pixels": IMAGES}, CLASSES))


def resnet18() -> nn.Module:
    """torchvision's, with a stem for small images."""
    model = torchvision("models").resnet18(num_classes=CLASSES)
    model.conv1, model.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    return model


def mobilenet() -> nn.Module:
    """torchvision's mobilenet_v3_small, whose first convolution keeps the size."""
    model = torchvision("models").mobilenet_v3_small(num_classes=CLASSES)
    model.features[0][0].stride = (1, 1)
    return model


class Transformer(nn.Module):
    """A small vision transformer of torch's own encoder layers, which have a fast path."""

    def __init__(self, size: int = 32):
        super().__init__()
        self.patches = nn.Conv2d(3, size, 8, 8)
        self.token = nn.Parameter(torch.randn(1, 1, size))
        self.places = nn.Parameter(0.02 * torch.randn(1, 17, size))
        layer = nn.TransformerEncoderLayer(size, 2, 2 * size, 0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(size, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        return self.head(self.encoder(x)[:, 0])


class Masked(nn.Module):
    """Texts with padding: a whole stack of encoder layers has a fast path of its own for them."""

    def __init__(self, size: int = 16):
        super().__init__()
        self.embedding = nn.Embedding(20, size, padding_idx=0)
        layer = nn.TransformerEncoderLayer(size, 2, 2 * size, 0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(size, CLASSES)

    def forward(self, tokens: Tensor) -> Tensor:
        hidden = self.encoder(self.embedding(tokens), src_key_padding_mask=tokens == 0)
        return self.head(hidden[:, 0])


def waves() -> nn.Module:
    """Convolutions of one axis, a depthwise and a pointwise one among them."""
    return nn.Sequential(
        *(nn.Conv1d(2, 16, 9, 2, 4), nn.BatchNorm1d(16), nn.ReLU()),
        *(nn.Conv1d(16, 16, 5, 1, 2, groups=16), nn.Conv1d(16, 32, 1, 2), nn.ReLU()),
        *(nn.Conv1d(32, 32, 3, padding="same", dilation=2), nn.ReLU()),
        *(nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(32, CLASSES)),
    )


class Recurrent(nn.Module):
    """An embedding, a GRU of two layers and directions, a hidden and a last linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 12)
        self.gru = nn.GRU(12, 16, 2, batch_first=True, bidirectional=True)
        self.hidden, self.head = nn.Linear(32, 24), nn.Linear(24, CLASSES)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.hidden(self.gru(self.embedding(tokens))[0].mean(1)).relu())


class Tied(nn.Module):
    """An embedding whose weight is also that of the layer before the last, as in language nets."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 16)
        self.mix = nn.Linear(16, 16)
        self.back = nn.Linear(16, 20, bias=False)
        self.back.weight = self.embedding.weight
        self.head = nn.Linear(20, CLASSES)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.back(self.mix(self.embedding(tokens)).relu().mean(1)).relu())


def convolutional(*end: nn.Module) -> nn.Module:
    """A convolution gives the logits; `end` makes (N, classes) of them."""
    features = (nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU())
    return nn.Sequential(*features, nn.Conv2d(32, CLASSES, 1), *end)


NETS: dict[str, tuple[Callable[[], nn.Module], Input]] = {
    "resnet8": (small_resnet8, IMAGES),
    "resnet18": (resnet18, IMAGES),
    "mobilenet_v3_small": (mobilenet, IMAGES),
    "transformer": (Transformer, IMAGES),
    "masked-transformer": (Masked, TOKENS),
    "conv1d": (waves, WAVES),
    "gru": (Recurrent, TOKENS),
    "tied-embedding": (Tied, TOKENS),
    "convolutional-head": (
        lambda: convolutional(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        IMAGES,
    ),
    "convolutional-head-of-all-pixels": (
        lambda: nn.Sequential(*convolutional()[:4], nn.Conv2d(32, CLASSES, 8), nn.Flatten()),
        IMAGES,
    ),
}

TECHNIQUES: dict[str, tuple[str, dict[str, Any]]] = {
    "low_rank": ("low_rank", {"ratio": 0.4}),
    "low_rank-budget": ("low_rank", {"budget": 0.95}),
    "low_rank-spatial": ("low_rank", {"ratio": 0.4, "method": "spatial"}),
    "prune_weights": ("prune_weights", {"ratio": 0.8, "method": "one_shot"}),
    "prune_weights-2:4": ("prune_weights", {"pattern": "2:4"}),
    "cluster_weights": ("cluster_weights", {"bits": 3}),
}
pytestmark = pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
LARGE = ("resnet18", "mobilenet_v3_small")


def data_for(one: Input) -> TrainingData:
    """Sixteen samples of noise."""
    random = np.random.default_rng(0)
    shape = (16, *one.shape)
    samples = (
        random.integers(1, 20, shape)
        if one.dtype == "int64"
        else random.normal(size=shape).astype(np.float32)
    )
    if one.dtype == "int64":
        samples[::2, 8:] = 0  # padding
    split = Split({"x": samples}, np.arange(16) % CLASSES)
    task = registry.find("task", "classification")()
    return TrainingData(split, split, task, Signature({"x": one}, CLASSES))


def net(name: str) -> nn.Module:
    """With random statistics, as a trained one has."""
    torch.manual_seed(0)
    model = NETS[name][0]().eval()
    with torch.no_grad():
        for buffer in model.buffers():
            if buffer.is_floating_point():
                buffer.add_(0.1 * torch.rand_like(buffer))
    return model


def made(
    name: str, technique: str, parent: nn.Module | None = None, **more: Any
) -> tuple[nn.Module, str, TrainingData]:
    """What a technique makes of a net without training, its notes, and the data."""
    plugin, options = TECHNIQUES[technique]
    data = data_for(NETS[name][1])
    fit = Fit(data, 0, lambda *_: None)
    step = registry.find("technique", plugin)(**({"epochs": 0} | options | more))
    assert isinstance(step, TorchTechnique)
    model = settled(step.build([parent or net(name)], data, fit))
    return model, "; ".join(fit.notes), data


def cases(techniques: Iterable[str]) -> list[Any]:
    return [
        pytest.param(name, technique, marks=[pytest.mark.slow] * (name in LARGE))
        for name in NETS
        for technique in techniques
        if (name, technique) != ("resnet18", "cluster_weights")  # minutes of k-means
    ]


@pytest.mark.parametrize(("name", "technique"), cases(TECHNIQUES))
def test_it_does_something_that_comes_back_and_trains(name: str, technique: str) -> None:
    model, notes, data = made(name, technique)
    parent, raw = net(name), data.train.first(16)
    assert (torch_outputs(model, data, [raw]) != torch_outputs(parent, data, [raw])).any()
    assert "nothing was" not in notes
    checkpoint.refuse_drift(checkpoint.to_bytes(model), NETS[name][0](), model, data)
    model.train()
    model(*Fit(data, 0, lambda *_: None).example(model)).sum().backward()


@pytest.mark.parametrize(("name", "technique"), cases(["low_rank"]))
def test_its_file_gives_what_it_gives(name: str, technique: str) -> None:
    model, _, data = made(name, technique)
    raw = data.train.first(16)
    expected = torch_outputs(model, data, [raw])
    file = to_onnx(model, data.signature)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    given = session.run(None, {session.get_inputs()[0].name: data.prepared(raw)["x"]})[0]
    assert np.abs(given - expected).max() < 1e-4 * max(float(expected.std()), 1e-2)
