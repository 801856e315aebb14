"""Every kind of module, after every technique, comes back from a checkpoint bit for bit."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load as read_tensors
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from compbench.contracts import NullCase, TorchTechnique, Trainer
from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.make import checkpoint
from compbench.make import job as make_job
from compbench.make.store import CHECKPOINT, LOGITS, Store
from compbench.onnxfile.export import settled
from compbench.registry import registry
from compbench.suite import plan
from compbench.suite import read as suite_read
from compbench.toolkit import layers, masks
from compbench.toolkit.factorise.convolution import Cp, Spatial, Tucker
from compbench.training.loop import Fit
from tests.nets import example, net_outputs
from tests.nets_of_all_kinds import CLASSES, MODES, NETS, net

NAMES = ("weight", "bias")

TECHNIQUES = {
    "nothing": ("train", {"epochs": 0}),
    "prune_channels": ("prune_channels", {"ratio": 0.5, "round_to": 1, "epochs": 0}),
    "low_rank": ("low_rank", {"ratio": 0.4, "epochs": 0}),
    "low_rank-spatial": ("low_rank", {"ratio": 0.4, "method": "spatial", "epochs": 0}),
    "prune_weights": ("prune_weights", {"ratio": 0.5, "scope": "layer", "epochs": 0}),
    "cluster_weights": ("cluster_weights", {"bits": 2, "epochs": 0}),
}


UNPRUNED = {  # before anything is trained, by the layer's name
    "upsample": r"nothing was pruned: .* 0.0 \(.*pixel_shuffle",
    "lstm": r"its channels can't be followed: .*'0.1.layer' \(LSTM\)",
    "lstm-projected": r"nothing was pruned: .* 0.1.layer \(LSTM\)",
    "gru": r"nothing was pruned: .* 0.1.layer \(GRU\)",
    "attention": r"nothing was pruned: .* 0.1.layer \(MultiheadAttention\)",
    "bilinear": r"nothing was pruned: .* 0.1 \(.*bilinear.*, 0.2.layer \(Bilinear\)",
    "own": r"nothing was pruned: .* mix \(.*multiplied.*, hidden \(",
    "raw-head": r"nothing was pruned: .* hidden \(they reach the net's outputs\)",
    "tied": r"nothing was pruned: .* first \(its weight is another's too\), one \(its",
    "embedded": r"nothing was pruned: .* embedding \(its weight is another's too\), back \(its",
    "shuffled": r"(nothing was pruned: .* stem \(|followed after layer '(stem|part)')",
}
REFUSED = {(kind, "prune_channels"): reason for kind, reason in UNPRUNED.items()} | {
    ("standardised", "low_rank"): r"nothing was factorised: 2 \(Standardised\)",
    ("lstm", "low_rank"): r"nothing was factorised: 0.1.layer \(LSTM\), 1 \(it gives",
    ("lstm-projected", "low_rank"): r"nothing was factorised: 0.1.layer \(LSTM\)",
    ("gru", "low_rank"): r"nothing was factorised: 0.1.layer \(GRU\)",
    ("attention", "low_rank"): r"nothing was factorised: 0.1.layer \(MultiheadAttention\)",
    ("tied", "low_rank"): r"nothing was factorised: .*one \(its weight is another's too\)",
    ("embedded", "low_rank"): r"nothing was factorised: embedding \(its weight is another's too",
}


def built(name: str, data: Data) -> nn.Module:
    """A net with random weights and statistics, as a trained one has."""
    model = NETS[name]().eval()
    net_outputs(model, data, 2)
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            if tensor.is_floating_point():
                tensor.add_(0.1 * torch.rand_like(tensor))
    return model


CASES = [
    (name, technique)
    for name in NETS
    for technique in TECHNIQUES
    if technique != "low_rank-spatial" or name.startswith("conv-")
]


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize(("name", "technique"), CASES)
def test_a_net_comes_back_bit_for_bit(name: str, technique: str, tiny: Data) -> None:
    torch.manual_seed(0)
    plugin, options = TECHNIQUES[technique]
    step = registry.find("technique", plugin)(**options)
    assert isinstance(step, TorchTechnique)
    fit = Fit(tiny.training, 0, lambda *_: None)
    parent = built(name, tiny)
    before = net_outputs(parent, tiny)
    if (name, technique) in REFUSED:
        with pytest.raises(JobFailed, match=REFUSED[name, technique]):
            step.build([parent], tiny.training, fit)
        return
    model = settled(step.build([parent], tiny.training, fit))
    assert (net_outputs(parent, tiny) == before).all()
    after = net_outputs(model, tiny)
    assert after.shape == (len(tiny.test), CLASSES)
    file = checkpoint.to_bytes(model)
    checkpoint.refuse_drift(file, NETS[name](), model, tiny.training)
    if technique != "nothing":
        assert fit.notes or (after != before).any(), "it did nothing, and said nothing"


OFTEN = (
    "conv-reflect-dilation2-groups1",
    "batch-norm-without-affine",
    "batch-norm-1d",
    "group-norm",
    "head-first",
    "tied",
    "own",
)


@pytest.mark.slow
@pytest.mark.parametrize("kind", OFTEN)
def test_parents_and_children_are_made_with_any_module(
    kind: str, tiny: Data, write_suite: Callable[[str], Path], tmp_path: Path
) -> None:
    model = f'model = {{ name = "tests.nets_of_all_kinds:Kind", kind = "{kind}" }}'
    text = f'[variants.root]\ntechnique = "train"\nepochs = 1\n{model}\n'
    for technique in ("train", "cluster_weights"):
        text += f'[variants.{technique}]\ntechnique = "{technique}"\nparent = "root"\nepochs = 1\n'
    read = suite_read.load(write_suite(text))
    store, done = Store(tmp_path), {}
    store.root.mkdir()
    for job in plan.plan(read, "d"):
        parents = [make_job.Parent(done[key], job.variant.root_model) for key in job.parent_keys]
        manifest, files = make_job.make(job, parents, tiny, lambda *_: None)
        done[job.key] = store.put(manifest, files)
        loaded = checkpoint.from_bytes(files[CHECKPOINT], NETS[kind]())
        reference = np.load(io.BytesIO(files[LOGITS]))
        assert np.array_equal(net_outputs(loaded, tiny), reference)
        if kind == "tied":
            assert loaded.get_parameter("one.weight") is loaded.get_parameter("other.weight")
            assert loaded.get_submodule("again") is loaded.get_submodule("first")


def test_a_tied_weight_is_stored_once_and_stays_tied() -> None:
    file = checkpoint.to_bytes(NETS["tied"]())
    both = [f"{layer}.{own}" for layer in ("first", "one", "twice.0", "head") for own in NAMES]
    assert sorted(read_tensors(file)) == sorted([*both, "other.bias"])
    loaded: Any = checkpoint.from_bytes(file, NETS["tied"]())
    assert loaded.one.weight is loaded.other.weight
    assert loaded.first is loaded.again
    assert loaded.twice[0] is loaded.twice[1]


def test_a_tie_that_a_technique_makes_or_cuts_comes_back() -> None:
    made: Any = NETS["tied"]()
    made.other.weight = nn.Parameter(made.one.weight.detach() + 1)
    made.head.bias = made.first.bias = nn.Parameter(torch.zeros(3))
    loaded: Any = checkpoint.from_bytes(checkpoint.to_bytes(made), NETS["tied"]())
    assert torch.equal(loaded.other.weight, loaded.one.weight + 1)
    assert loaded.head.bias is loaded.first.bias


def test_what_was_trained_and_what_was_frozen_comes_back() -> None:
    loaded = checkpoint.from_bytes(checkpoint.to_bytes(NETS["frozen"]()), NETS["conv3d"]())
    assert [p.requires_grad for p in loaded.parameters()] == [False, False, True, True, True, True]


@pytest.mark.parametrize(
    "layer",
    [
        nn.LSTM(12, 4, 2, bias=False, bidirectional=True),
        nn.GRU(12, 6),
        nn.MultiheadAttention(12, 3, kdim=4, vdim=5, add_bias_kv=True),
        nn.TransformerEncoder(
            nn.TransformerEncoderLayer(12, 2, 8, activation="gelu"), 2, enable_nested_tensor=False
        ),
        nn.TransformerDecoderLayer(12, 2, 8, norm_first=True),
        nn.ConvTranspose3d(2, 4, 3, output_padding=1, stride=2, groups=2),
        nn.InstanceNorm1d(4, affine=True, track_running_stats=True),
        nn.EmbeddingBag(5, 3, mode="max", padding_idx=1),
        nn.Softshrink(0.3),
        nn.Upsample(size=(3, 4), mode="bicubic", align_corners=True),
        nn.FractionalMaxPool2d((2, 3), output_ratio=(0.5, 0.4)),
        nn.Unflatten(1, (2, 2)),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_layer_that_the_root_never_had_is_made_anew(layer: nn.Module) -> None:
    model = nn.Sequential(layer)
    loaded = checkpoint.from_bytes(checkpoint.to_bytes(model), nn.Sequential())[0]  # type: ignore[index]
    assert repr(loaded) == repr(layer)
    state = layer.state_dict()
    assert all(torch.equal(state[name], value) for name, value in loaded.state_dict().items())
    if isinstance(layer, nn.RNNBase | nn.TransformerEncoder):
        x = torch.randn(5, 2, 12)
        first, again = (m.eval()(x) for m in (layer, loaded))
        first, again = (v[0] if isinstance(v, tuple) else v for v in (first, again))
        assert torch.equal(first, again)


class Secret(nn.Module):
    """What it adds is no plain value, and differs in each net."""

    def __init__(self) -> None:
        super().__init__()
        self.secret = np.random.default_rng().normal()
        self.add = lambda x, by=self.secret: x + by

    def forward(self, x: Tensor) -> Tensor:
        return self.add(x)


class Moody(nn.Module):
    """Gives something else each time."""

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.rand(1)


def local_class() -> nn.Module:
    class Local(nn.Identity):
        pass

    return Local()


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (Secret, "when its checkpoint is loaded again: layer '0.0' keeps something that is no"),
        (Moody, "gives other outputs each time it runs"),
    ],
)
def test_a_net_that_does_not_come_back_is_refused_before_it_is_trained(
    layer: type[nn.Module], reason: str, tiny: Data
) -> None:
    def build() -> nn.Module:
        return net(layer(), nn.Flatten(), nn.Linear(144, 4))

    with pytest.raises(JobFailed, match=reason):
        checkpoint.refuse_unstorable(build, tiny.training)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (local_class, "layer '1' is a local_class.<locals>.Local, a class that can't be found"),
        (lambda: nn.LazyLinear(3), "layer '1' is lazy and was never run"),
        (
            lambda: parametrizations.weight_norm(nn.Linear(3, 3)),
            "layer '1' is a ParametrizedLinear, a class that can't be found by its name",
        ),
    ],
)
def test_a_layer_that_can_not_be_stored_is_named(
    layer: Callable[[], nn.Module], reason: str, tiny: Data
) -> None:
    def root() -> nn.Module:
        return nn.Sequential(net(nn.Flatten()))

    model = nn.Sequential(root()[0], layer())  # type: ignore[index]
    with pytest.raises(JobFailed, match=reason):
        checkpoint.refuse_drift(checkpoint.to_bytes(model), root(), model, tiny.training)


def test_a_value_that_changed_is_named(tiny: Data) -> None:
    model = net(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
    file = checkpoint.to_bytes(model)
    with torch.no_grad():
        model.get_buffer("0.1.running_mean").add_(1e-7)
    with pytest.raises(JobFailed, match=r"layer '0.1' comes back with other values of 0.1.runn"):
        checkpoint.refuse_drift(
            file, net(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)), model, tiny.training
        )
    model.get_submodule("0.1").eps = 1.0  # type: ignore[assignment]
    with pytest.raises(JobFailed, match=r"layer '0.1' comes back otherwise"):
        checkpoint.refuse_drift(
            file, net(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)), model, tiny.training
        )


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("head-first", ["head"]),
        ("raw-head", [""]),
        ("convolutional", ["classify"]),
        ("tied", ["head"]),
        ("embedded", ["head"]),
        ("own", ["head"]),
        ("frozen", ["1"]),
        ("encoder", ["1"]),
        ("lstm", ["1"]),
        ("weight-norm", ["1"]),
        ("head-1x1", ["4"]),
        ("head-of-one-place", ["4"]),
        ("head-normed", ["4"]),
        ("vit", ["head"]),
        ("vit-encoder", ["head"]),
        ("viewing", ["head"]),
    ],
)
def test_the_layer_that_gives_the_logits_is_found_wherever_it_is(
    kind: str, expected: list[str], tiny: Data
) -> None:
    model = built(kind, tiny)
    trained = [p.requires_grad for p in model.parameters()]
    assert list(layers.output_layers(model, example(model, tiny))) == expected
    assert [p.requires_grad for p in model.parameters()] == trained


def test_all_layers_that_give_logits_are_found() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Linear(144, 3), parametrizations.weight_norm(nn.Linear(8, 3))
            self.hidden = nn.Linear(144, 8)

        def forward(self, x: Tensor) -> Tensor:
            x = x.flatten(1)
            return torch.log_softmax(self.one(x) / 2 + self.two(self.hidden(x).relu()), 1)

    assert list(layers.output_layers(Two().eval(), (torch.randn(2, 1, 12, 12),))) == ["one", "two"]


def test_what_is_left_as_it_is_is_said(tiny: Data) -> None:
    def notes(kind: str, technique: str) -> str:
        plugin, options = TECHNIQUES[technique]
        fit = Fit(tiny.training, 0, lambda *_: None)
        try:
            step = registry.find("technique", plugin)(**options)
            step.build([built(kind, tiny)], tiny.training, fit)
        except JobFailed as failure:
            return str(failure)
        return "; ".join(fit.notes)

    assert notes("own", "prune_weights") == "layers left as they are: mix (Own)"
    assert "0.2 (4 groups)" in notes("conv-reflect-dilation2-groups4", "low_rank")
    assert "one (its weight is another's too)" in notes("tied", "low_rank")
    assert "0.1.self_attn.out_proj (attention reads its weight)" in notes("encoder", "low_rank")
    assert "0.0 (its weight is computed from others)" in notes("spectral-norm", "low_rank")
    assert "0.0.weight_orig (Conv2d)" in notes("spectral-norm", "prune_weights")
    assert "0.1 (ParametrizedLinear)" in notes("weight-norm", "cluster_weights")
    assert "blocks.0.self_attn (MultiheadAttention)" in notes("vit-encoder", "prune_channels")
    assert notes("batch-norm-1d", "prune_weights") == ""


def test_a_net_without_a_layer_to_change_is_refused(tiny: Data) -> None:
    model = nn.Sequential(built("weight-norm", tiny)[0][1], nn.Unflatten(1, (1, 16)))  # type: ignore[index]
    fit = Fit(tiny.training, 0, lambda *_: None)
    for technique in ("prune_weights", "cluster_weights"):
        with pytest.raises(JobFailed, match=r"nothing was \w+: 0 \(ParametrizedLinear\)"):
            registry.find("technique", technique)().build([model], tiny.training, fit)


@pytest.mark.parametrize(("kind", "padding"), [("same", "same"), ("2", 2), ("odd", (1, 2))])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("method", [Tucker, Spatial, Cp])
def test_factors_pad_as_their_layer_does(
    method: Any, mode: Any, dilation: int, kind: str, padding: Any
) -> None:
    torch.manual_seed(0)
    stride = 1 if kind == "same" else (1, 2)
    layer = nn.Conv2d(2, 3, 3, stride, padding, dilation, padding_mode=mode)
    factors = method(layer)
    if method is Cp:  # exact where the layer has that rank
        a, b, h, w = (torch.randn(n, 2) for n in (3, 2, 3, 3))
        with torch.no_grad():
            layer.weight.copy_(torch.einsum("or,ir,hr,wr->oihw", a, b, h, w))
        factors = method(layer)
    made = factors.make(2 if method is Cp else factors.full_rank)
    images = torch.randn(2, 2, 9, 8)
    assert torch.allclose(made(images), layer(images), atol=1e-3 if method is Cp else 1e-5)


class Broken(TorchTechnique):
    """Gives what it is told to."""

    null_case = NullCase({})
    what: str

    def build(self, parents: Any, data: Any, fit: Trainer) -> nn.Module:
        """A module that is no classifier of these classes."""
        model = parents[0]
        return {
            "wide": lambda: nn.Sequential(nn.Flatten(), nn.Linear(144, 7)),
            "picture": lambda: nn.Conv2d(1, 3, 12),
            "pair": lambda: Pair(model),
        }[self.what]()


class Pair(nn.Module):
    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.model(x), self.model(x)


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("wide", r"Broken' gave a net whose logits are \(2, 7\), not \(2, 3\)"),
        ("picture", r"Broken' gave a net whose logits are \(2, 3, 1, 1\)"),
        ("pair", "Broken' gave a net whose logits are tuple"),
    ],
)
def test_a_technique_that_loses_classes_is_named(
    what: str, reason: str, tiny: Data, write_suite: Callable[[str], Path], tmp_path: Path
) -> None:
    text = '[variants.root]\ntechnique = "train"\nmodel = "mlp"\nepochs = 0\n'
    text += f'[variants.b]\ntechnique = "{__name__}:Broken"\nparent = "root"\nwhat = "{what}"'
    root, job = plan.plan(suite_read.load(write_suite(text)), "d")
    store = Store(tmp_path)
    store.root.mkdir()
    artifact = store.put(*make_job.make(root, [], tiny, lambda *_: None))
    parents = [make_job.Parent(artifact, root.variant.root_model)]
    with pytest.raises(JobFailed, match=reason):
        make_job.make(job, parents, tiny, lambda *_: None)


def test_a_module_is_settled_wherever_a_technique_left_it(monkeypatch) -> None:
    moves: list[Any] = []
    move = nn.Module.to
    monkeypatch.setattr(nn.Module, "to", lambda m, *a, **k: moves.append(a) or move(m, *a, **k))
    model = net(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)).train()
    head = model.get_submodule("1")
    head.weight = nn.Parameter(head.get_parameter("weight").t().contiguous().t())
    model.register_buffer("odd", torch.zeros(4, 6).t())
    assert settled(model) is model
    assert moves == [("cpu",)]
    assert not model.training
    assert all(t.is_contiguous() for t in (*model.parameters(), *model.buffers()))


def test_what_has_no_values_is_named() -> None:
    model = net(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
    model.get_submodule("0.1").register_buffer("running_var", torch.ones(4, device="meta"))
    with pytest.raises(JobFailed, match=r"'0.1.running_var' is on the device meta"):
        settled(model)


def test_masks_are_moved_to_the_net_once(monkeypatch) -> None:
    model = net(nn.Conv2d(1, 4, 3), nn.ReLU())
    masks.apply(layers.prunable(model), masks.smallest(layers.prunable(model), 0.5, "layer"))
    after_step = masks.keeping_zeros(model)
    model.to("meta")  # stands for a GPU
    moved: list[Tensor] = []
    move = Tensor.to

    def counting(tensor: Tensor, *arguments: Any, **options: Any) -> Tensor:
        result = move(tensor, *arguments, **options)
        moved.extend([tensor] if result.device != tensor.device else [])
        return result

    monkeypatch.setattr(Tensor, "to", counting)
    for _ in range(3):
        assert after_step(0.5)
    assert len(moved) == len(layers.prunable(model)) == 2
