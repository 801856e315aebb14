"""What each technique promises beyond the contract."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper
from torch import nn

from compbench.contracts import Batch
from compbench.data.splits import Data
from compbench.models import cnn
from compbench.onnxfile import size
from compbench.onnxfile.export import to_onnx
from compbench.techniques import distill, low_rank, prune_channels, quantize_static, train
from compbench.toolkit.divergence import softened_divergence
from compbench.toolkit.factorise.convolution import Cp, Spatial, Tucker
from compbench.toolkit.factorise.linear import Factors, Svd
from compbench.training.loop import Fit
from compbench.training.losses import taught
from tests.nets import example, image_signature, net_outputs

SIGNATURE = image_signature(1, 12, 12)
seeds = st.integers(0, 10_000)
temperatures = st.floats(0.5, 20)


def logits(seed: int, scale: float = 3.0) -> torch.Tensor:
    return scale * torch.randn(8, 10, generator=torch.Generator().manual_seed(seed))


def net() -> nn.Module:
    torch.manual_seed(0)
    return cnn.Model(channels=(16, 32), hidden=32).build(SIGNATURE).eval()


def fit(data: Data) -> Fit:
    return Fit(data.training, 0, lambda epoch, total: None)


@given(seeds, temperatures)
def test_divergence_of_a_distribution_with_itself_is_zero(seed: int, temperature: float) -> None:
    assert abs(float(softened_divergence(logits(seed), logits(seed), temperature))) < 1e-5


@given(seeds, seeds, temperatures)
def test_divergence_is_never_negative_and_ignores_a_shift(one: int, two: int, t: float) -> None:
    value = float(softened_divergence(logits(one), logits(two), t))
    assert value >= -1e-5
    shifted = float(softened_divergence(logits(one) + 5, logits(two) - 3, t))
    assert shifted == pytest.approx(value, rel=1e-3, abs=1e-4)


@given(seeds, seeds)
def test_divergence_agrees_with_its_formula(one: int, two: int) -> None:
    p, q = (torch.softmax(logits(seed).double() / 2.5, 1) for seed in (one, two))
    expected = 2.5**2 * (p * (p / q).log()).sum(1).mean()
    value = softened_divergence(logits(one).double(), logits(two).double(), 2.5)
    assert float(value) == pytest.approx(float(expected), rel=1e-6, abs=1e-9)


@given(seeds)
@settings(max_examples=20)
def test_gradients_hardly_depend_on_a_high_temperature(seed: int) -> None:
    """Hinton et al., section 2.1: T² keeps the soft gradients' size."""
    norms = []
    for temperature in (50.0, 100.0):
        student = logits(seed + 1).requires_grad_()
        softened_divergence(logits(seed), student, temperature).backward()
        assert student.grad is not None
        norms.append(float(student.grad.norm()))
    assert norms[0] == pytest.approx(norms[1], rel=0.2)


def test_cached_and_fresh_teacher_outputs_are_the_same_loss(tiny: Data) -> None:
    technique = distill.Technique(model="mlp", shift_pixels=0)
    live = distill.Technique(model="mlp", shift_pixels=1)
    teacher, loop = net(), fit(tiny)
    (pixels,) = example(teacher, tiny, 16)
    labels = torch.from_numpy(tiny.training.train.targets[:16])
    batch = Batch({"pixels": pixels}, labels, torch.arange(16))
    student_logits = logits(0)[:1].repeat(16, 1)[:, :3]
    values = []
    for each in (technique, live):
        loss = taught(teacher, each, tiny.training, loop)
        assert loss is not None
        values.append(float(loss(student_logits, batch)))
    assert values[0] == pytest.approx(values[1], rel=1e-5)


def test_distilling_on_labels_alone_weighs_them(tiny: Data) -> None:
    student = distill.Technique(model="mlp", soft_weight=0, hard_weight=0.5)
    loss = taught(net(), student, tiny.training, fit(tiny))
    assert loss is not None
    batch = Batch({}, torch.arange(8) % 10, torch.arange(8))
    expected = 0.5 * nn.functional.cross_entropy(logits(0), batch.targets)
    assert float(loss(logits(0), batch)) == pytest.approx(float(expected))


def test_pruned_channels_are_really_gone(tiny: Data) -> None:
    technique = prune_channels.Technique(ratio=0.5, round_to=1, epochs=0)
    pruned = technique.build([net()], tiny.training, fit(tiny))
    widths = [m.out_channels for m in pruned.modules() if isinstance(m, nn.Conv2d)]
    hidden = [m.out_features for m in pruned.modules() if isinstance(m, nn.Linear)]
    assert widths == [8, 16]
    assert hidden == [16, 3]
    before, after = (size.measure(to_onnx(m, SIGNATURE)) for m in (net(), pruned))
    assert after.size_bytes < 0.4 * before.size_bytes
    assert after.macs and before.macs and after.macs < 0.4 * before.macs


def test_the_weakest_channels_go_first(tiny: Data) -> None:
    model = net()
    first = model[0]  # type: ignore[index]
    with torch.no_grad():
        first.weight[:8] *= 1e-6
        first.bias[:8] = 0
    technique = prune_channels.Technique(ratio=0.5, round_to=1, epochs=0)
    pruned = technique.build([model], tiny.training, fit(tiny))
    assert torch.equal(pruned[0].weight, first.weight[8:])  # type: ignore[index]


@pytest.mark.parametrize("bias", [True, False])
def test_full_rank_is_the_layer_itself(bias: bool) -> None:
    torch.manual_seed(0)
    images = torch.randn(4, 6, 9, 9)
    convolution = nn.Conv2d(6, 12, 3, stride=2, padding=1, bias=bias)
    linear = nn.Linear(20, 30, bias=bias)
    with torch.no_grad():
        for kind in (Tucker, Spatial):
            factors = kind(convolution)
            whole = factors.make(factors.full_rank)
            assert (whole(images) - convolution(images)).abs().max() < 1e-5
            assert factors.retained(factors.full_rank) == pytest.approx(1)
        flat = torch.randn(5, 20)
        assert (Svd(linear).make(20)(flat) - linear(flat)).abs().max() < 1e-5


def test_padding_by_name_comes_along() -> None:
    convolution, images = nn.Conv2d(6, 8, 3, padding="same"), torch.randn(2, 6, 7, 7)
    for kind in (Tucker, Spatial, Cp):
        assert kind(convolution).make(3)(images).shape == (2, 8, 7, 7)


def test_a_layer_that_has_low_rank_is_reproduced_at_that_rank() -> None:
    torch.manual_seed(0)
    convolution, linear = nn.Conv2d(8, 16, 3, padding=1), nn.Linear(20, 40)
    with torch.no_grad():
        left, right = torch.randn(16, 4), torch.randn(8, 2)
        convolution.weight.copy_(
            torch.einsum("or,is,rshw->oihw", left, right, torch.randn(4, 2, 3, 3))
        )
        linear.weight.copy_(torch.randn(40, 5) @ torch.randn(5, 20))
        images, flat = torch.randn(4, 8, 9, 9), torch.randn(5, 20)
        factors = Tucker(convolution).make(4)
        assert [layer.out_channels for layer in factors] == [2, 4, 16]  # type: ignore[union-attr]
        assert (factors(images) - convolution(images)).abs().max() < 1e-4
        assert (Svd(linear).make(5)(flat) - linear(flat)).abs().max() < 1e-4


@pytest.mark.parametrize("kind", [Svd, Tucker, Spatial])
@given(seed=seeds)
@settings(max_examples=10)
def test_energy_retained_grows_with_the_rank(kind: type[Factors], seed: int) -> None:
    torch.manual_seed(seed)
    layer = nn.Linear(24, 18) if kind is Svd else nn.Conv2d(6, 8, 3)
    factors = kind(layer)
    shares = [factors.retained(rank) for rank in range(1, factors.full_rank + 1)]
    assert all(low <= high + 1e-12 for low, high in pairwise(shares))
    assert shares[-1] == pytest.approx(1)
    assert 0 < shares[0] < 1


@pytest.mark.parametrize("kind", [Svd, Tucker, Spatial, Cp])
def test_factors_are_as_large_and_as_good_as_they_say(kind: type[Factors]) -> None:
    torch.manual_seed(0)
    if kind is Svd:
        layer, x = nn.Linear(24, 18), torch.eye(24)
    else:
        layer, x = nn.Conv2d(6, 8, 3, stride=2, padding=1, dilation=2), torch.randn(2, 6, 9, 9)
    factors = kind(layer)
    for rank in (1, 3, 5):
        made = factors.make(rank)
        assert sum(p.numel() for p in made.parameters()) == factors.parameters(rank)
        with torch.no_grad():
            assert made(x).shape == layer(x).shape
    if kind is Svd:
        with torch.no_grad():
            whole = layer(x) - layer.bias
            lost = (whole - (factors.make(5)(x) - layer.bias)).square().sum()
        assert 1 - float(lost / whole.square().sum()) == pytest.approx(
            factors.retained(5), abs=1e-5
        )


def test_factorising_makes_the_file_smaller_and_spares_small_layers(tiny: Data) -> None:
    technique = low_rank.Technique(ratio=0.25, epochs=0)
    made = technique.build([net()], tiny.training, fit(tiny))
    kinds = [type(layer).__name__ for layer in made]  # type: ignore[arg-type]
    assert [len(made[i]) for i in (0, 3, 7)] == [2, 3, 2]  # type: ignore[index]
    assert kinds[9] == "Linear", "the layer that gives the logits is left as it is"
    before, after = (size.measure(to_onnx(m, SIGNATURE)) for m in (net(), made))
    assert after.parameters and before.parameters and after.parameters < before.parameters
    assert after.macs and before.macs and after.macs < before.macs


def test_a_quantized_file_holds_integers_and_no_float_copy(tiny: Data) -> None:
    file = quantize_static.Technique().rewrite(to_onnx(net(), SIGNATURE), tiny.training)
    model = onnx.load_model_from_string(file)
    weights = {w.name: numpy_helper.to_array(w) for w in model.graph.initializer}
    matrices = [w for w in weights.values() if w.ndim > 1]
    assert len(matrices) == 4
    assert {w.dtype for w in matrices} == {np.dtype(np.int8)}
    assert len(file) < 0.4 * len(to_onnx(net(), SIGNATURE))
    float_size, int8_size = size.measure(to_onnx(net(), SIGNATURE)), size.measure(file)
    assert int8_size.parameters == float_size.parameters
    assert int8_size.macs == float_size.macs


def test_fine_tuning_starts_from_the_parent(tiny: Data) -> None:
    tuned = train.Technique(epochs=1, learning_rate=1e-3).build([net()], tiny.training, fit(tiny))
    difference = np.abs(net_outputs(tuned, tiny) - net_outputs(net(), tiny))
    assert 0 < difference.max() < 0.1
