"""Nets of all kinds after `prune_channels`: smaller, and what they were; or refused by name."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from compbench.contracts import Trainer
from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.make import checkpoint
from compbench.onnxfile.export import settled, to_onnx
from compbench.techniques.prune_channels import Technique
from compbench.toolkit import channel_cost, channels
from compbench.toolkit.channel_trial import complaint
from compbench.toolkit.channel_trial import settled as without_faults
from compbench.toolkit.layers import output_layers, weighty
from compbench.training.loop import Fit
from tests.nets import example, file_outputs, net_outputs, parity
from tests.nets_of_all_kinds import LARGE, NETS, Block, Concatenated, Vit

ALL = NETS | LARGE
WHOLE = {  # what must stay, and why, beside what goes
    "standardised": "0 ('2' would read others in their place, or depends on all of them)",
    "normed-by-channel": "0 (16 channels in 16 equal parts: no fewer are possible)",
    "depthwise-multiplied": "2 (Conv2d of 16 groups)",
    "conv-zeros-dilation1-groups8": "0.2 (Conv2d of 8 groups)",
    "vit": "places (they are also of 'blocks.1.attention' (TorchAttention))",
    "vit-encoder": "token (they are also of 'blocks.1.self_attn' (MultiheadAttention))",
    "vit-own-attention": "blocks.0.attention.qkv (with fewer 'blocks.0.attention' does not run",
    "layer-norm-of-pictures": "0.1 (LayerNorm of 3 axes)",
}
PRUNED = (  # nothing of them stays whole
    *("gain", "layer-scale", "layer-scale-shaped", "squeeze-excite", "squeeze-excite-linear"),
    *("grouped", "grouped-and-normed", "depthwise", "head-1x1", "head-of-one-place"),
    *("head-normed", "functional", "functional-of-fixed-size", "viewing", "concatenated"),
    *("concatenated-group-norm", "group-norm", "layer-norm", "prelu", "convolutional", "resnet8"),
    *("resnet18", "mobilenet-v3-small"),
)
REFUSED = (
    *("upsample", "lstm", "lstm-projected", "gru", "attention", "bilinear", "own", "raw-head"),
    *("tied", "embedded", "shuffled"),
)


@pytest.fixture(autouse=True)
def _the_same_nets_in_any_order() -> None:
    torch.manual_seed(0)


def built(name: str, data: Data) -> nn.Module:
    """A net with random weights and statistics, as a trained one has."""
    torch.manual_seed(0)
    model = ALL[name]().eval()
    net_outputs(model, data, 2)
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            if tensor.is_floating_point():
                tensor.add_((0.01 if name in LARGE else 0.1) * torch.rand_like(tensor))
    return model


def pruned(model: nn.Module, data: Data, **options: object) -> tuple[nn.Module, str]:
    """The smaller net, and what is said of it."""
    fit = Fit(data.training, 0, lambda *_: None)
    step = Technique.model_validate({"round_to": 1, "epochs": 0} | options)
    return settled(step.build([model], data.training, fit)), "; ".join(fit.notes)


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("name", ALL)
def test_a_net_is_smaller_and_what_stays_whole_is_named(name: str, tiny: Data) -> None:
    model = built(name, tiny)
    if name in REFUSED:
        with pytest.raises(JobFailed) as caught:
            pruned(model, tiny)
        paths = [path for path in weighty(model) if path]
        assert any(re.search(rf"(^|[ '.]){re.escape(p)}\b", str(caught.value)) for p in paths)
        return
    made, notes = pruned(model, tiny)
    assert parameters(made) < parameters(model)
    last = output_layers(model, example(model, tiny))
    now = dict(made.named_modules())
    for path, layer in weighty(model).items():
        shapes = [[p.shape for p in m.parameters(recurse=False)] for m in (layer, now[path])]
        own = [path, *(f"{path}.{n}".lstrip(".") for n in layer._parameters)]
        if path not in last and shapes[0] == shapes[1]:
            assert any(f" {one} (" in notes for one in own), f"{path} is not in: {notes}"
    assert net_outputs(made, tiny).shape == net_outputs(model, tiny).shape
    if name in WHOLE:
        assert WHOLE[name] in notes
    if name in PRUNED:
        assert notes == ""
    checkpoint.refuse_drift(
        checkpoint.to_bytes(made), ALL[name](), made, tiny.training, len(tiny.training.train)
    )


EXPORTED = (*WHOLE, *PRUNED, "encoder", "conv1d", "conv-transpose", "rms-norm")


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPORTED)
def test_the_smaller_net_s_file_gives_what_it_gives(name: str, tiny: Data) -> None:
    made, _ = pruned(built(name, tiny), tiny, ratio=0.3)
    file = to_onnx(made, tiny.training.signature)
    found = parity(net_outputs(made, tiny), file_outputs(file, tiny))
    assert found.complaint("the CPU", 1e-4) is None


@pytest.mark.parametrize("name", [name for name in ALL if name not in REFUSED])
def test_what_a_smaller_net_costs_is_known_before(name: str, tiny: Data) -> None:
    model = built(name, tiny)
    inputs = example(model, tiny)
    found = without_faults(model, inputs, channels.groups(model, inputs), 0.4, 1)
    left = channels.going(found, 0.4, 1)
    kept = channel_cost.shares(found, left)
    made = built(name, tiny)
    channels.remove(made, inputs, found, left, lambda _, group: torch.rand(len(group[0].idxs)))
    assert channel_cost.parameters(model, kept) == parameters(made)
    before, after = (channel_cost.macs_by_layer(m, inputs) for m in (model, made))
    assert channel_cost.macs(before, kept) == after[""] < before[""]


@pytest.mark.parametrize("of", ["macs", "parameters"])
@pytest.mark.parametrize(
    "name",
    ["group-norm", "squeeze-excite", "squeeze-excite-linear", "grouped", "depthwise", "resnet8"],
)
def test_a_share_of_the_cost_goes_from_nets_with_norms_and_groups(
    name: str, of: str, tiny: Data
) -> None:
    model = built(name, tiny)
    made, _ = pruned(model, tiny, of=of, ratio=0.3, round_to=4)
    inputs = example(model, tiny)
    before, after = (
        parameters(m) if of == "parameters" else channel_cost.macs_by_layer(m, inputs)[""]
        for m in (model, made)
    )
    assert after <= 0.7 * before


@pytest.mark.parametrize("count", [20, 50, 80, 160, 320, 500])
@pytest.mark.parametrize("tenths", range(1, 10))
def test_a_share_is_not_cut_by_a_binary_fraction(count: int, tenths: int) -> None:
    """80 · (1 - 0.8) is a bit less than 16 in floating point."""
    assert channels.Group((), count, 1).left(tenths / 10, 1) == count * (10 - tenths) // 10


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("of", ["macs", "parameters"])
@pytest.mark.parametrize("name", ["resnet8", "squeeze-excite-linear", "depthwise"])
def test_no_block_of_channels_goes_that_need_not_go(
    name: str, of: str, steps: int, tiny: Data
) -> None:
    """All groups cross a block's edge at one ratio: twice as much would go."""
    model = built(name, tiny)
    inputs, ratio, unit = example(model, tiny), 0.6, 4
    share = channel_cost.share_of(of, model, inputs, Fit(tiny.training, 0, lambda *_: None))
    made, notes = pruned(model, tiny, of=of, ratio=ratio, round_to=unit, steps=steps)
    found, smaller = channels.groups(model, inputs), channels.groups(made, inputs)
    left = {n: g.count for n, g in enumerate(smaller) if g.count < found[n].count}
    assert share(found, left) <= 1 - ratio
    assert f"{1 - share(found, left):.1%} of its parent's {of} went" in notes
    for number, count in left.items():
        more = count + found[number].unit(unit)
        if more < found[number].count:
            assert share(found, {**left, number: more}) > 1 - ratio


@pytest.mark.parametrize("round_to", [1, 4, 8])
@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("name", ["grouped-and-normed", "squeeze-excite-linear", "depthwise"])
def test_groups_still_divide_the_channels(
    name: str, ratio: float, round_to: int, tiny: Data
) -> None:
    model = built(name, tiny)
    made, _ = pruned(model, tiny, ratio=ratio, round_to=round_to)
    for path, layer in made.named_modules():
        if isinstance(layer, nn.GroupNorm):
            assert layer.num_channels % layer.num_groups == 0
        if isinstance(layer, nn.Conv2d):
            assert layer.out_channels % layer.groups == layer.in_channels % layer.groups == 0
            was = model.get_submodule(path).out_channels
            assert layer.out_channels in (was, 3) or layer.out_channels % round_to == 0


@pytest.mark.parametrize("ratio", [0.25, 0.5])
def test_more_is_asked_for_than_can_go(ratio: float, tiny: Data) -> None:
    """The more is asked for the more goes, and no layer is left whole for it."""
    counts = [
        parameters(pruned(built("grouped", tiny), tiny, ratio=r, round_to=4)[0])
        for r in (ratio, 0.75, 0.95, 0.999)
    ]
    assert counts == sorted(counts, reverse=True)


def test_nothing_is_trained_where_nothing_can_go(tiny: Data) -> None:
    class Never(Fit):
        def __call__(self, *_: object, **__: object) -> None:  # type: ignore[override]
            raise AssertionError("it was trained")

    fit: Trainer = Never(tiny.training, 0, lambda *_: None)
    for name, options in (("tied", {}), ("resnet8", {"round_to": 64})):
        with pytest.raises(JobFailed, match="nothing was pruned: layers left as they are: "):
            Technique.model_validate({"epochs": 1} | options).build(
                [built(name, tiny)], tiny.training, fit
            )


def test_nothing_is_asked_for_and_nothing_is_said(tiny: Data) -> None:
    model = built("tied", tiny)
    made, notes = pruned(model, tiny, ratio=0.0)
    assert notes == ""
    assert (net_outputs(made, tiny) == net_outputs(model, tiny)).all()


def test_channels_that_the_net_s_code_mixes_are_found(tiny: Data) -> None:
    """Torch-pruning takes them for others: the net would run, and give something else."""

    class Reversed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.next = nn.Conv2d(1, 8, 3), nn.Conv2d(8, 8, 3)
            self.head = nn.Linear(8, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.next(self.stem(x).flip(1)).relu().mean((2, 3)))

    model = Reversed().eval()
    inputs = example(model, tiny)
    found = channels.groups(model, inputs)
    numbers = {group.owners: number for number, group in enumerate(found)}
    assert complaint(model, inputs, found, {numbers["next",]: 4}) is None
    assert complaint(model, inputs, found, {numbers["stem",]: 4}) == (
        "'next' would read others in their place, or depends on all of them"
    )
    _, notes = pruned(model, tiny)
    assert notes.startswith("layers left as they are: stem (")


def test_a_norm_s_groups_stay_of_one_size(tiny: Data) -> None:
    model = Concatenated(nn.GroupNorm(4, 16)).eval()
    inputs = example(model, tiny)
    found = channels.groups(model, inputs)
    numbers = {group.owners[0]: n for n, group in enumerate(found) if not group.reason}
    wrong = complaint(model, inputs, found, {numbers["one"]: 4})
    assert wrong == "the groups of 'norm' (GroupNorm) would differ in size"
    assert complaint(model, inputs, found, {numbers["one"]: 4, numbers["two"]: 4}) is None


def test_own_attention_keeps_its_heads(tiny: Data) -> None:
    model = Vit(lambda: Block(nn.Identity())).eval()  # without attention everything can go
    made, notes = pruned(model, tiny)
    assert notes == ""
    assert made.get_parameter("places").shape == (1, 10, 8)
