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
from compbench.toolkit.factorise.convolution import Cp, Pointwise, Spatial, Tucker
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


def convolutional(*end: nn.Module, last: int = 1) -> nn.Module:
    """A convolution with a kernel of `last` gives the logits; `end` makes (N, classes) of them."""
    features = (nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU())
    return nn.Sequential(*features, nn.Conv2d(32, CLASSES, last), *end)


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
        lambda: convolutional(nn.Flatten(), last=8),
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
    fed = {session.get_inputs()[0].name: data.prepared(raw)["x"]}
    given = np.asarray(session.run(None, fed)[0])
    assert np.abs(given - expected).max() < 1e-4 * max(float(expected.std()), 1e-2)


SHARES = {  # zeros among all weights of two or more axes, after a ratio of 0.8
    "transformer": 0.76,  # a class token and places are added, not multiplied with
    "masked-transformer": 0.72,  # the embedding is looked up
    "conv1d": 0.8,
    "gru": 0.77,
    "tied-embedding": 0.8,  # once, for it is also a linear layer's
}


@pytest.mark.parametrize("name", SHARES)
def test_the_ratio_is_reached_in_all_that_multiplies(name: str) -> None:
    model, _, _ = made(name, "prune_weights")
    matrices = [p for p in model.parameters() if p.ndim > 1]
    zeros = sum(int((p == 0).sum()) for p in matrices)
    assert SHARES[name] <= zeros / sum(p.numel() for p in matrices) <= 0.801


@pytest.mark.parametrize("name", ["transformer", "gru", "masked-transformer", "tied-embedding"])
@pytest.mark.parametrize("method", ["one_shot", "gradual"])
def test_zeros_stay_through_fine_tuning(name: str, method: str) -> None:
    model, _, _ = made(name, "prune_weights", method=method, epochs=3, scope="layer")
    assert any("weight_hh" in one or "in_proj" in one for one in layers.prunable(model)) or (
        name == "tied-embedding"
    )
    for weight in layers.prunable(model, embeddings=False).values():
        assert float((weight == 0).double().mean()) == pytest.approx(0.8, abs=0.01)
    again, _, _ = made(name, "cluster_weights", model, epochs=2)
    before, after = layers.prunable(model), layers.prunable(again)
    assert before.keys() == after.keys()
    for path, weight in before.items():
        assert torch.equal(weight == 0, after[path] == 0)


@pytest.mark.parametrize("name", ["transformer", "gru", "masked-transformer", "tied-embedding"])
def test_shared_values_hold_together_through_fine_tuning(name: str) -> None:
    still, moved = (made(name, "cluster_weights", epochs=n)[0] for n in (0, 2))
    pairs = zip(
        *(layers.prunable(m, embeddings=False).items() for m in (still, moved)), strict=True
    )
    for (path, before), (_, after) in pairs:
        assert 2 <= len(before.unique()) == len(after.unique()) <= 8, path
        assert not torch.equal(before, after), path


@pytest.mark.parametrize("technique", ["prune_weights", "cluster_weights"])
def test_a_tied_weight_is_changed_once_and_stays_tied(technique: str) -> None:
    model, notes, _ = made("tied-embedding", technique, epochs=2)
    assert model.get_parameter("back.weight") is model.get_parameter("embedding.weight")
    assert "embedding" not in notes
    assert torch.equal(
        made("tied-embedding", technique, keep=("back",))[0].get_parameter("embedding.weight"),
        net("tied-embedding").get_parameter("embedding.weight"),
    )


def test_tied_weights_are_not_factorised_and_it_is_said() -> None:
    model, notes, _ = made("tied-embedding", "low_rank")
    assert isinstance(model.get_submodule("mix"), nn.Sequential)
    assert "back (its weight is another's too)" in notes
    assert model.get_parameter("back.weight") is model.get_parameter("embedding.weight")


@pytest.mark.parametrize("technique", ["prune_weights", "cluster_weights"])
def test_embeddings_are_left_by_name_or_taken_by_option(technique: str) -> None:
    name = "embedding.weight"
    model, notes, _ = made("gru", technique)
    assert torch.equal(model.get_parameter(name), net("gru").get_parameter(name))
    assert "embedding (Embedding, which embeddings = true takes too)" in notes
    model, notes, _ = made("gru", technique, embeddings=True)
    assert not torch.equal(model.get_parameter(name), net("gru").get_parameter(name))
    assert "embedding" not in notes


@pytest.mark.parametrize("technique", sorted(TECHNIQUES.keys() - {"low_rank-budget"}))
def test_a_kept_block_stays_as_it_is(technique: str) -> None:
    """A budget may be less than what is kept."""
    model, _, _ = made("transformer", technique, keep=("encoder.layers.0", "patches"))
    before = net("transformer").state_dict()
    same = {name for name, t in model.state_dict().items() if name in before}
    same = {name for name in same if torch.equal(before[name], model.state_dict()[name])}
    for name in before:
        if name.startswith(("encoder.layers.0.", "patches.")):
            assert name in same
    assert "encoder.layers.1.linear1.weight" not in same


@pytest.mark.slow
def test_a_net_of_pointwise_convolutions_is_factorised() -> None:
    model, notes, _ = made("mobilenet_v3_small", "low_rank")
    before, after = (
        sum(p.numel() for p in m.features.parameters())  # type: ignore[union-attr, operator]
        for m in (net("mobilenet_v3_small"), model)
    )
    assert after < 0.75 * before
    assert "features.1.block.0.0 (depthwise)" in notes
    assert "1×1" not in notes


def test_a_net_of_one_axis_is_factorised() -> None:
    model, notes, _ = made("conv1d", "low_rank")
    assert [len(model[i]) for i in (0, 4, 6)] == [3, 2, 3]  # type: ignore[index]
    assert notes == "layers left as they are: 3 (depthwise)"


def test_a_pattern_spares_colours_and_depthwise_layers() -> None:
    _, notes, _ = made("resnet8", "prune_weights-2:4")
    assert notes == "layers left as they are: 0.0 (2:4 can't group its 3 inputs by 4)"


@pytest.mark.parametrize("kind", [nn.Conv1d, nn.Conv2d, nn.Conv3d])
@pytest.mark.parametrize("method", [Tucker, Spatial, Cp, Pointwise])
def test_factors_are_exact_at_full_rank_on_any_axes(kind: Any, method: Any) -> None:
    torch.manual_seed(0)
    size = 1 if method is Pointwise else 3
    layer = kind(4, 6, size, stride=2, padding=1)
    axes = layer.weight.ndim - 2
    if method is Cp:  # exact where the layer has that rank
        with torch.no_grad():
            factors = [torch.randn(n, 1) for n in layer.weight.shape]
            fit = factors[0]
            for one in factors[1:]:
                fit = fit[..., None, :] * one
            layer.weight.copy_(fit.sum(-1))
    factors = method(layer)
    made = factors.make(1 if method is Cp else factors.full_rank)
    x = torch.randn(2, 4, *[7] * axes)
    with torch.no_grad():
        assert torch.allclose(made(x), layer(x), atol=1e-3 if method is Cp else 1e-5)
    made = factors.make(2)
    assert sum(p.numel() for p in made.parameters()) == factors.parameters(2)


def test_a_layer_in_double_precision_stays_so() -> None:
    layer = nn.Conv2d(4, 6, 3).double()
    for method in (Tucker, Spatial):
        assert {p.dtype for p in method(layer).make(2).parameters()} == {torch.float64}


@pytest.mark.slow
def test_a_budget_for_a_large_net_asks_each_layer_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A HOSVD a layer: what each rank retains is read from the core's spectrum."""
    asked: list[tuple[int, ...]] = []
    plain = np.linalg.eigh
    monkeypatch.setattr(np.linalg, "eigh", lambda m: asked.append(m.shape) or plain(m))
    model, _, _ = made("resnet18", "low_rank-budget", budget=0.5)
    total = sum(p.numel() for p in model.parameters())
    whole = sum(p.numel() for p in net("resnet18").parameters())
    assert 0.49 * whole < total <= 0.5 * whole
    factorised = sum(isinstance(m, nn.Sequential) for m in model.modules())
    assert len(asked) < 2 * 20 + 2 * 20 * factorised


def test_the_least_budget_works_and_names_what_can_not_go() -> None:
    with pytest.raises(JobFailed, match=r"can't be factorised: gru 7,680 \(GRU\), .*") as failed:
        made("gru", "low_rank", ratio=None, budget=0.5)
    least = float(str(failed.value).partition("least budget is ")[2].partition(";")[0])
    model, _, _ = made("gru", "low_rank", ratio=None, budget=least)
    assert sum(p.numel() for p in model.parameters()) <= least * 8962


def test_no_layer_of_a_mobile_net_is_emptied() -> None:
    torch.manual_seed(0)
    options = {"epochs": 0, "method": "one_shot", "ratio": 0.95}
    parent = nn.Sequential(
        *(nn.Conv2d(3, 16, 3), nn.Conv2d(16, 16, 3, groups=16)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, CLASSES)),
    ).eval()
    with torch.no_grad():
        parent[1].weight.mul_(1e-3)  # type: ignore[union-attr, operator]
        parent[4].weight.mul_(0.5)  # type: ignore[union-attr, operator]
    fit = Fit(data_for(IMAGES), 0, lambda *_: None)
    step = registry.find("technique", "prune_weights")
    model = step(**options).build([parent], fit.data, fit)  # type: ignore[attr-defined]
    weights = layers.prunable(model)
    assert int((weights["1"] != 0).sum()) == 1
    with pytest.raises(JobFailed, match=r"layer '1' would be empty: .* raise least_kept"):
        step(**options, least_kept=0).build([parent], fit.data, fit)  # type: ignore[attr-defined]
    even = step(**options, least_kept=1).build([parent], fit.data, fit)  # type: ignore[attr-defined]
    assert [int((w != 0).sum()) for w in layers.prunable(even).values()] == [22, 8, 8]
    assert masks.count(model)[0] == round(0.95 * masks.count(model)[1])


def test_the_nets_themselves_are_not_changed() -> None:
    for technique in ("low_rank", "prune_weights", "cluster_weights"):
        parent = net("masked-transformer")
        before = {name: t.clone() for name, t in parent.state_dict().items()}
        made("masked-transformer", technique, parent)
        assert all(torch.equal(t, before[name]) for name, t in parent.state_dict().items())
        assert parent.encoder.use_nested_tensor is True  # type: ignore[union-attr]
        assert parent.encoder.layers[0].activation_relu_or_gelu == 1  # type: ignore[union-attr, index]
