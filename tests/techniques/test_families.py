"""Pruning, factorising and clustering: their options, and what must hold whatever is chosen."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper
from pydantic import ValidationError
from torch import nn

from compbench.contracts import Recipe, TorchTechnique
from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.models import cnn, resnet8
from compbench.onnxfile import size
from compbench.onnxfile.export import to_onnx
from compbench.techniques import (
    cluster_weights,
    low_rank,
    prune_channels,
    prune_weights,
    train,
)
from compbench.techniques.low_rank import smallest_rank, within_budget
from compbench.toolkit import layers, masks
from compbench.toolkit.factorise.convolution import Spatial, Tucker
from compbench.toolkit.factorise.linear import Svd
from compbench.training.loop import Fit
from tests.nets import image_signature, net_outputs

SIGNATURE = image_signature(1, 12, 12)


def net() -> nn.Module:
    torch.manual_seed(0)
    return cnn.Model(channels=(16, 32), hidden=32).build(SIGNATURE).eval()


def residual() -> nn.Module:
    """resnet8 whose batch normalisation has seen something."""
    torch.manual_seed(0)
    model = resnet8.Model(width=8).build(SIGNATURE)
    with torch.no_grad():
        model.train()(torch.randn(32, *SIGNATURE.image))
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.weight.uniform_(0.5, 1.5)
    return model.eval()


def build(technique: TorchTechnique, data: Data, parent: nn.Module | None = None) -> nn.Module:
    torch.manual_seed(1)
    fit = Fit(data.training, 1, lambda epoch, total: None)
    return technique.build([parent or net()], data.training, fit)


def weights(model: nn.Module) -> dict[str, torch.Tensor]:
    return {path: weight.detach() for path, weight in layers.prunable(model).items()}


def share_of_zeros(tensors: dict[str, torch.Tensor]) -> float:
    return float(torch.cat([w.flatten() == 0 for w in tensors.values()]).double().mean())


def exported(model: nn.Module) -> dict[str, np.ndarray]:
    file = onnx.load_model_from_string(to_onnx(model, SIGNATURE))
    return {w.name: numpy_helper.to_array(w) for w in file.graph.initializer}


@pytest.mark.parametrize("method", ["one_shot", "iterative", "gradual"])
@pytest.mark.parametrize("scope", [pytest.param("layer", marks=pytest.mark.slow), "global"])
def test_the_asked_share_is_zero_in_module_and_file(tiny: Data, method: str, scope: str) -> None:
    options = {"ratio": 0.8, "method": method, "scope": scope, "epochs": 2}
    options |= {"steps": 2} if method == "iterative" else {}
    made = build(prune_weights.Technique.model_validate(options), tiny)
    assert share_of_zeros(weights(made)) == pytest.approx(0.8, abs=0.003)
    per_layer = [share_of_zeros({path: w}) for path, w in weights(made).items()]
    assert (max(per_layer) - min(per_layer) < 0.02) is (scope == "layer")
    zeros = sum(int((w == 0).sum()) for name, w in exported(made).items() if "weight" in name)
    assert zeros == sum(int((w == 0).sum()) for w in weights(made).values())


def test_gradual_pruning_follows_its_cubic(tiny: Data) -> None:
    model = net()
    after_step = prune_weights.Technique(ratio=0.9, scope="layer")._growing(model)
    shares, final = [], []
    for done in (0.175, 0.35, 0.7, 1.0):
        final.append(after_step(done))
        shares.append(share_of_zeros(weights(model)))
    expected = [0.9 * (1 - (1 - t) ** 3) for t in (0.25, 0.5, 1, 1)]
    assert shares == pytest.approx(expected, abs=0.01)
    assert final == [False, False, True, True]


def test_only_epochs_with_all_zeros_can_be_chosen(tiny: Data) -> None:
    fit = Fit(tiny.training, 0, lambda epoch, total: None)
    prune_weights.Technique(ratio=0.9, scope="layer", epochs=4).build([net()], tiny.training, fit)
    assert fit.chosen_epoch in (3, 4)


@pytest.mark.parametrize(("pattern", "kept", "of"), [("2:4", 2, 4), ("1:2", 1, 2), ("1:8", 1, 8)])
def test_a_pattern_holds_in_every_group(tiny: Data, pattern: str, kept: int, of: int) -> None:
    made = build(prune_weights.Technique(pattern=pattern, keep=("0",), epochs=1), tiny)
    for path, weight in weights(made).items():
        groups = weight.movedim(1, -1).reshape(-1, of)
        assert bool(((groups != 0).sum(1) <= (of if path == "0" else kept)).all())
    assert share_of_zeros({"0": weights(made)["0"]}) == 0


@given(seed=st.integers(0, 1000), ratio=st.floats(0, 0.999), least=st.floats(0.001, 1))
@settings(max_examples=30)
def test_each_layer_keeps_its_floor_and_the_ratio_holds(
    seed: int, ratio: float, least: float
) -> None:
    torch.manual_seed(seed)
    tensors = {"faint": 1e-3 * torch.randn(40, 25), "strong": torch.randn(30, 20, 3, 3)}
    found = masks.smallest(tensors, ratio, "global", least)
    kept = {path: int(mask.sum()) for path, mask in found.items()}
    for path, mask in found.items():
        assert kept[path] >= max(least * (1 - ratio) * mask.numel() - 1e-6, 1)
        sizes = tensors[path].abs()
        if 0 < kept[path] < mask.numel():
            assert sizes[~mask].max() <= sizes[mask].min(), "the largest of a layer stay"
    whole = sum(mask.numel() for mask in found.values())
    assert abs(sum(kept.values()) - (1 - ratio) * whole) <= len(found) + 0.5


@pytest.mark.parametrize("seed", range(3))
def test_of_equal_weights_the_first_go(seed: int) -> None:
    torch.manual_seed(seed)
    weight = torch.randint(-3, 4, (50, 8)).float()
    mask = masks.smallest({"a": weight}, 0.6, "layer")["a"].flatten()
    order = weight.abs().flatten().argsort(stable=True)
    assert not mask[order[:240]].any()
    assert mask[order[240:]].all()


@given(
    seed=st.integers(0, 1000), ratio=st.floats(0, 0.95), scope=st.sampled_from(["layer", "global"])
)
@settings(max_examples=30)
def test_what_goes_is_smaller_than_what_stays(seed: int, ratio: float, scope: str) -> None:
    torch.manual_seed(seed)
    tensors = {"a": torch.randn(7, 5), "b": 3 * torch.randn(4, 3, 2, 2)}
    tensors["b"][0, 0, 0, 0] = 100  # so that no layer is emptied
    tensors["a"][0, 0] = 100
    found = masks.smallest(tensors, ratio, scope)
    groups = [["a"], ["b"]] if scope == "layer" else [["a", "b"]]
    for paths in groups:
        sizes = torch.cat([tensors[p].abs().flatten() for p in paths])
        kept = torch.cat([found[p].flatten() for p in paths])
        assert int((~kept).sum()) == round(ratio * len(sizes))
        if 0 < int(kept.sum()) < len(kept):
            assert sizes[~kept].max() <= sizes[kept].min()


@pytest.mark.parametrize("follower", ["train", "prune_channels", "low_rank", "cluster_weights"])
def test_zeros_stay_zeros_in_what_follows(tiny: Data, follower: str) -> None:
    sparse = build(
        prune_weights.Technique(ratio=0.9, scope="layer", method="one_shot", epochs=0), tiny
    )
    before = weights(sparse)
    followers: dict[str, TorchTechnique] = {
        "train": train.Technique(epochs=1),
        "prune_channels": prune_channels.Technique(ratio=0.0, epochs=1),
        "low_rank": low_rank.Technique(ratio=1.0, epochs=1),  # no layer is factorised
        "cluster_weights": cluster_weights.Technique(bits=3, epochs=1),
    }
    after = weights(build(followers[follower], tiny, sparse))
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[path], after[path]) for path in before)
    for path, weight in before.items():
        assert torch.equal(weight == 0, after[path] == 0)


@pytest.mark.parametrize("importance", ["l1", "l2", "taylor", "random"])
def test_every_importance_removes_as_many(tiny: Data, importance: str) -> None:
    options = {"ratio": 0.5, "importance": importance, "epochs": 1, "soft_weight": 0.5}
    made = build(prune_channels.Technique.model_validate(options), tiny)
    widths = [m.out_channels for m in made.modules() if isinstance(m, nn.Conv2d)]
    assert widths == [8, 16]


def test_importance_chooses_other_channels(tiny: Data) -> None:
    kept = {}
    for importance in ("l2", "random"):
        torch.manual_seed(5)
        step = prune_channels.Technique.model_validate({"importance": importance, "epochs": 0})
        kept[importance] = weights(build(step, tiny))["0"]
    assert not torch.equal(kept["l2"], kept["random"])


@pytest.mark.parametrize("of", ["macs", "parameters"])
@pytest.mark.parametrize("ratio", [pytest.param(0.3, marks=pytest.mark.slow), 0.75])
@pytest.mark.parametrize("steps", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_at_least_the_asked_share_goes(tiny: Data, of: str, ratio: float, steps: int) -> None:
    options = {"of": of, "ratio": ratio, "round_to": 1, "epochs": 0, "steps": steps}
    made = build(prune_channels.Technique.model_validate(options), tiny)
    before, after = (size.measure(to_onnx(m, SIGNATURE)) for m in (net(), made))
    assert getattr(after, of) <= (1 - ratio) * getattr(before, of)
    assert getattr(after, of) >= 0.85 * (1 - ratio) * getattr(before, of), "no more than needed"


@pytest.mark.parametrize(
    "importance",
    ["batch_norm", *(pytest.param(x, marks=pytest.mark.slow) for x in ("l2", "taylor"))],
)
def test_residual_nets_with_batch_norm_are_pruned_whole(tiny: Data, importance: str) -> None:
    options = {"ratio": 0.5, "importance": importance, "round_to": 2, "epochs": 1}
    made = build(prune_channels.Technique.model_validate(options), tiny, residual())
    before, after = (size.measure(to_onnx(m, SIGNATURE)) for m in (residual(), made))
    assert before.macs and after.macs and after.macs < 0.35 * before.macs
    assert np.isfinite(net_outputs(made, tiny)).all()


@pytest.mark.parametrize("method", ["tucker", "spatial", "cp"])
@pytest.mark.parametrize("measure", [{"ratio": 0.25}, {"energy": 0.6}, {"budget": 0.5}])
def test_no_layer_gets_larger(tiny: Data, method: str, measure: dict[str, float]) -> None:
    if method == "cp" and "ratio" not in measure:
        with pytest.raises(ValidationError, match="cp's energy has no closed form"):
            low_rank.Technique.model_validate({"method": method, **measure})
        return
    technique = low_rank.Technique.model_validate({"method": method, "epochs": 1, **measure})
    made = build(technique, tiny)
    before, after = (
        {path: sum(p.numel() for p in layer.parameters()) for path, layer in m.named_children()}
        for m in (net(), made)
    )
    assert all(after[path] <= before[path] for path in before)
    total, whole = sum(after.values()), sum(before.values())
    assert total < whole
    if "budget" in measure:
        assert 0.45 * whole < total <= 0.5 * whole


@given(energy=st.floats(0.05, 0.999))
@settings(max_examples=30)
def test_the_smallest_rank_with_that_energy_is_taken(energy: float) -> None:
    torch.manual_seed(0)
    factors = Svd(nn.Linear(16, 12))
    rank = smallest_rank(factors, energy)
    assert factors.retained(rank) >= energy
    assert rank == 1 or factors.retained(rank - 1) < energy


def test_a_budget_takes_from_the_layer_that_has_least_to_lose() -> None:
    torch.manual_seed(0)
    flat, full = nn.Linear(20, 20), nn.Linear(20, 20)
    with torch.no_grad():
        flat.weight.copy_(torch.randn(20, 2) @ torch.randn(2, 20))
        full.weight.copy_(nn.init.orthogonal_(torch.empty(20, 20)))
    ranks = within_budget({"flat": Svd(flat), "full": Svd(full)}, 520 + 2, 840)
    assert ranks == {"flat": 2}
    with pytest.raises(JobFailed, match="budget: 120 parameters are left with every rank at 1"):
        within_budget({"flat": Svd(flat), "full": Svd(full)}, 100, 840)


@pytest.mark.parametrize("bits", [1, 3])
def test_a_clustered_layer_has_so_many_values(tiny: Data, bits: int) -> None:
    technique = cluster_weights.Technique(bits=bits, layer_bits={"7": 4}, keep=("0",), epochs=1)
    made = build(technique, tiny)
    counts = {path: len(weight.unique()) for path, weight in weights(made).items()}
    assert counts["7"] == 16
    assert counts["3"] == counts["9"] == 2**bits
    assert counts["0"] == 144
    in_file = {name: len(np.unique(w)) for name, w in exported(made).items()}
    assert in_file["3.weight"] == 2**bits


def test_centroids_are_those_of_k_means() -> None:
    weight = torch.tensor([[0.0, 1.0, 1.2, 1.1], [5.0, 5.2, 0.0, -3.0]])
    centroids, indices = cluster_weights.clustered(weight, 3)
    assert centroids.tolist() == pytest.approx([0, -3, 1.1, 5.1])
    assert indices.tolist() == [[0, 2, 2, 2], [3, 3, 0, 1]]


def test_fine_tuned_centroids_move_and_hold_together(tiny: Data) -> None:
    still, moved = (
        weights(build(cluster_weights.Technique(bits=2, epochs=epochs), tiny)) for epochs in (0, 2)
    )
    for path in still:
        assert not torch.equal(still[path], moved[path])
        pairs = {
            (float(a), float(b))
            for a, b in zip(still[path].flatten(), moved[path].flatten(), strict=True)
        }
        assert len(pairs) == 4


@pytest.mark.parametrize(
    ("technique", "options", "message"),
    [
        (
            prune_weights,
            {"ratio": 0.99999, "least_kept": 0},
            "layer '0' would be empty: all its 144 weights",
        ),
        (
            prune_weights,
            {"pattern": "2:4", "keep": ["3", "7", "9"]},
            r"nothing was pruned: 0 \(2:4 can't group its 1 inputs by 4\), 3 \(keep\), 7 ",
        ),
        (prune_weights, {"keep": ["0", "3", "7", "9"]}, r"nothing was pruned: 0 \(keep\), 3 "),
        (cluster_weights, {"keep": ["0", "3", "7", "9"]}, r"nothing was clustered: 0 \(keep\), 3 "),
        (
            low_rank,
            {"keep": ["0", "3", "7"]},
            r"nothing was factorised: 0 \(keep\), 3 .*, 9 \(it gives the net's output\)",
        ),
        (
            low_rank,
            {"ratio": 0.95},
            r"nothing was factorised: .*0 \(its factors would be no smaller\)",
        ),
        (cluster_weights, {"keep": ["10"]}, "keep: there is no layer '10'"),
        (low_rank, {"keep": ["10"]}, "keep: there is no layer '10'"),
        (low_rank, {"keep": ["3"], "ranks": {"3": 2}}, "'3' can't be factorised: keep"),
        (low_rank, {"ranks": {"9": 2}}, "'9' can't be factorised: it gives the net's output"),
        (prune_weights, {"keep": ["10"]}, "keep: there is no layer '10'"),
        (cluster_weights, {"layer_bits": {"00": 3}}, "there is no layer '00'; did you mean '0'?"),
        (prune_channels, {"of": "macs", "ratio": 0.999}, "at most .* can go, for each layer keeps"),
        (prune_channels, {"importance": "batch_norm"}, "the net has no batch normalisation"),
        (low_rank, {"ranks": {"3": 33}}, "ranks: layer '3' has rank 32 at most, not 33"),
        (low_rank, {"ranks": {"33": 3}}, "ranks: there is no layer '33'; did you mean '3'?"),
        (
            low_rank,
            {"budget": 0.001},
            r"budget = 0.001: 581 of 14,147 parameters are left with every rank at 1, so the least "
            r"budget is 0.042; 99 can't be factorised: 9 99 \(it gives the net's output\)",
        ),
    ],
)
def test_what_a_layer_can_not_bear_names_the_layer(
    tiny: Data, technique: object, options: dict, message: str
) -> None:
    plugin = technique.Technique  # type: ignore[attr-defined]
    with pytest.raises(JobFailed, match=message):
        build(plugin.model_validate({"epochs": 0, **options}), tiny)


@pytest.mark.parametrize(
    ("technique", "options", "message"),
    [
        (prune_weights, {"pattern": "4:2"}, "no pattern N:M with N < M"),
        (prune_weights, {"pattern": "2-4"}, "no pattern N:M"),
        (
            prune_weights,
            {"pattern": "2:4", "ratio": 0.5, "steps": 2},
            "a pattern says which weights go, at once: remove ratio, steps ",
        ),
        (
            prune_weights,
            {"steps": 2},
            "steps are the rounds of method = 'iterative', not of 'gradual': remove it",
        ),
        (low_rank, {"ratio": None}, "one of ratio, energy and budget must say how far to go"),
        (prune_weights, {"pattern": "2:4", "least_kept": 0.5}, "at once: remove least_kept "),
        (low_rank, {"ratio": 0.5, "energy": 0.9}, "ratio and energy each say how far to go"),
        (low_rank, {"ranks": {"3": 0}}, "should be greater than 0"),
        (low_rank, {"ratio": True}, "True should be a number"),
        (cluster_weights, {"layer_bits": {"3": 17}}, "should be less than or equal to 16"),
        (low_rank, {"ranks": {"3": 4}, "budget": 0.5}, "a budget chooses all ranks"),
        (prune_channels, {"soft_weight": 0, "hard_weight": 0}, "there is nothing to learn"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    technique: object, options: dict, message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        technique.Technique.model_validate(options)  # type: ignore[attr-defined]


def test_fine_tuning_can_listen_to_the_parent(tiny: Data) -> None:
    options = {"ratio": 0.5, "epochs": 2}
    made = [
        build(prune_channels.Technique.model_validate(options | extra), tiny)
        for extra in ({}, {"soft_weight": 0.7, "hard_weight": 0.3})
    ]
    assert not torch.equal(weights(made[0])["0"], weights(made[1])["0"])


def test_an_unfinished_form_is_never_the_best_epoch(tiny: Data) -> None:
    fit = Fit(tiny.training, 0, lambda epoch, total: None)
    recipe = Recipe(epochs=4, batch_size=16, learning_rate=0.02)
    fit(net(), recipe, after_step=lambda done: done == 1)
    assert fit.chosen_epoch == 4


@pytest.mark.parametrize(
    ("technique", "options", "said"),
    [
        (low_rank, {"ratio": 1.0}, "nothing was factorised: 9 (it gives the net's output), 0 (its"),
        (low_rank, {"energy": 1.0}, "nothing was factorised: "),
        (low_rank, {"budget": 1.0}, "nothing was factorised: "),
        (prune_weights, {"ratio": 0.0}, "nothing was pruned: 0 of 14,064 weights are zero, as in"),
        (cluster_weights, {"bits": 16}, "nothing was clustered: 0 (no more than 2^16 different "),
    ],
)
def test_who_asks_for_nothing_is_told_so(
    technique: object, options: dict, said: str, tiny: Data
) -> None:
    fit = Fit(tiny.training, 1, lambda epoch, total: None)
    plugin = technique.Technique  # type: ignore[attr-defined]
    plugin.model_validate({"epochs": 0, **options}).build([net()], tiny.training, fit)
    assert said in "; ".join(fit.notes)


def test_pruning_what_is_pruned_already_is_said(tiny: Data) -> None:
    sparse = build(prune_weights.Technique(ratio=0.5, epochs=0), tiny)
    fit = Fit(tiny.training, 1, lambda epoch, total: None)
    prune_weights.Technique(ratio=0.3, epochs=0).build([sparse], tiny.training, fit)
    assert fit.notes == ["nothing was pruned: 7,032 of 14,064 weights are zero, as in its parent"]


def test_an_energy_is_that_of_the_factors(tiny: Data) -> None:
    """By the weight that the factors make together, not by the spectrum that chose the rank."""
    torch.manual_seed(0)
    layer = nn.Conv2d(12, 20, 3)
    for kind in (Tucker, Spatial):
        factors = kind(layer)
        made = factors.make(rank := smallest_rank(factors, 0.6))
        whole = torch.eye(12 * 9).view(-1, 12, 3, 3)
        with torch.no_grad():
            lost = (made(whole) - layer(whole)).square().sum()
            bias = layer.bias.view(1, -1, 1, 1)  # type: ignore[union-attr]
            kept = 1 - float(lost / (layer(whole) - bias).square().sum())
        refined = 5e-2 if kind is Tucker else 1e-5  # by alternating least squares
        assert factors.retained(rank) - 1e-5 <= kept <= factors.retained(rank) + refined
        assert kept >= 0.6 - 1e-5


@pytest.mark.parametrize(("ratio", "rank"), [(0.07, 7), (0.14, 14), (0.55, 55), (0.071, 8)])
def test_a_rank_is_not_raised_by_a_binary_fraction(ratio: float, rank: int, tiny: Data) -> None:
    """0.07 · 100 is a bit more than 7 in floating point."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(144, 100), nn.ReLU(), nn.Linear(100, 3))
    technique = low_rank.Technique(ratio=ratio, epochs=0)
    made = technique.build([model], tiny.training, Fit(tiny.training, 0, lambda *_: None))
    assert rank in {layer.out_features for layer in made.modules() if isinstance(layer, nn.Linear)}
