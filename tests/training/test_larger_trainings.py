"""Batches in parts, 16-bit products, averages of weights, patience, layouts, batches read ahead."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from compbench.contracts import Epoch, Recipe, kinds
from compbench.data import splits
from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.models import cnn, mlp
from compbench.onnxfile.export import torch_outputs
from compbench.training import precision
from compbench.training.average import Average
from compbench.training.layout import working
from compbench.training.loop import Fit
from compbench.training.micro_batch import sizes
from compbench.training.optimizer import Optimizer
from compbench.training.precision import Precision
from compbench.training.prefetch import ahead
from tests.nets import image_signature

CPU = torch.device("cpu")


def net() -> nn.Module:
    torch.manual_seed(0)
    return cnn.Model(channels=(4, 8), hidden=16).build(image_signature(1, 12, 12))


def fitted(data: Data, model: nn.Module, **options: Any) -> Fit:
    fit = Fit(data.training, 0, lambda *_: None)
    fit(model, Recipe(**{"epochs": 2, "batch_size": 32, **options}))
    return fit


def weights(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


class Viewing(nn.Module):
    """The commonest idiom there is, which wants images as they are stored."""

    def __init__(self, is_late: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)
        self.head, self.is_late = nn.Linear(400, 3), is_late

    def forward(self, pixels: Tensor) -> Tensor:
        found = self.norm(self.conv(pixels)).relu()
        if self.is_late:
            return self.head(Gradual.apply(found))
        return self.head(found.view(found.size(0), -1))


class Gradual(torch.autograd.Function):
    """Flattens; only its backward pass makes a view of what may lie otherwise."""

    @staticmethod
    def forward(ctx: Any, given: Tensor) -> Tensor:
        ctx.save_for_backward(given)
        return given.flatten(1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (given,) = ctx.saved_tensors
        return (given.view(len(given), -1) * 0 + gradients[0]).view(given.shape)


@pytest.mark.parametrize("is_late", [False, True])
def test_a_net_that_views_its_images_can_be_trained(tiny: Data, is_late: bool) -> None:
    model = Viewing(is_late)
    fit = fitted(tiny, model, epochs=4, batch_size=16, shift_pixels=1, learning_rate=0.01)
    assert fit.history[-1].train_loss < 0.7 * fit.history[0].train_loss
    assert not fit.notes


def test_a_net_that_views_its_images_can_teach(tiny: Data) -> None:
    from compbench.techniques import distill

    for options in ({}, {"flip": True}):
        technique = distill.Technique.model_validate({"model": "mlp", "epochs": 1, **options})
        fit = Fit(tiny.training, 0, lambda *_: None)
        technique.build([Viewing()], tiny.training, fit)
        assert len(fit.history) == 1


def test_the_trial_of_a_layout_leaves_no_trace(tiny: Data) -> None:
    model = nn.Sequential(Viewing(), nn.Dropout(0.5)).eval()
    before = copy.deepcopy(model.state_dict())
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    layout = working(model, [torch.ones(2, 1, 12, 12)], CPU)
    assert torch.equal(torch.rand(3), expected)
    assert layout == torch.contiguous_format
    assert not model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert working(net(), [torch.randn(2, 1, 12, 12)], CPU) == torch.channels_last


@pytest.mark.parametrize("micro_batch", [5, 8, 32, 1000])
def test_parts_of_a_batch_have_the_gradients_of_the_whole(tiny: Data, micro_batch: int) -> None:
    whole, parts = net(), net()
    one = fitted(tiny, whole, optimizer="sgd")
    other = fitted(tiny, parts, optimizer="sgd", micro_batch=micro_batch)
    torch.testing.assert_close(weights(parts), weights(whole), rtol=1e-4, atol=1e-6)
    for here, there in zip(one.history, other.history, strict=True):
        assert here.train_loss == pytest.approx(there.train_loss, rel=1e-5)


@given(st.integers(1, 300), st.integers(1, 300))
def test_parts_are_whole_and_none_has_one_sample_where_that_can_be(count: int, most: int) -> None:
    found = sizes(count, most)
    assert sum(found) == count and len(found) == -(-count // most) and max(found) <= most
    assert min(found) > 1 or most <= 2 or count == 1
    assert found[:-2] == [most] * (len(found) - 2)


@pytest.mark.parametrize("options", [{"batch_size": 19}, {"batch_size": 96, "micro_batch": 5}])
def test_a_single_sample_that_is_left_is_no_batch_of_its_own(
    tiny: Data, options: dict[str, Any]
) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(144, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    assert len(tiny.training.train) % min(options.values()) == 1
    assert len(fitted(tiny, model, **options).history) == 2


class Large(nn.Module):
    """A net for which a GPU has memory for so many samples at once."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.net, self.most, self.sizes = net(), most, list[int]()
        self.norm = nn.BatchNorm2d(1)

    def forward(self, pixels: Tensor) -> Tensor:
        self.sizes += [len(pixels)] * self.training
        if self.training and len(pixels) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.net(self.norm(pixels))


def test_a_net_may_change_its_inputs_in_place() -> None:
    source = kinds.dataset("synthetic", {"kind": "features", "samples": 90})
    data = splits.load(source, Path())
    every = [data.training.train, data.training.validation, data.test]
    before = [{name: array.copy() for name, array in one.arrays.items()} for one in every]
    model = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(16, data.signature.outputs))
    fitted(data, model)
    torch_outputs(model, data.training, [one.arrays for one in every])
    for one, arrays in zip(every, before, strict=True):
        for name, array in arrays.items():
            assert np.array_equal(one.arrays[name], array)


def test_no_more_samples_than_fit_are_validated_at_once(tiny: Data) -> None:
    cases: list[tuple[dict[str, Any], int]] = [({"micro_batch": 8}, 8), ({"batch_size": 32}, 48)]
    for options, most in cases:
        model, counts = net(), list[int]()

        def seen(_: nn.Module, given: tuple[Tensor, ...], counts: list[int] = counts) -> None:
            counts.append(len(given[0]))

        model.register_forward_pre_hook(seen)
        fitted(tiny, model, **options)
        assert max(counts) == most


def test_a_batch_is_halved_until_it_fits(tiny: Data) -> None:
    model, alike = Large(9), Large(9)
    fit = fitted(tiny, model, micro_batch="auto")
    trained = model.sizes[model.sizes.index(8) + 1 :]
    assert {*trained} == {8}
    assert fit.notes == ['micro_batch = "auto": 8 samples at once fit into memory']
    fitted(tiny, alike, micro_batch=8)
    assert torch.equal(weights(model), weights(alike))
    assert torch.equal(model.norm.running_mean, alike.norm.running_mean)  # type: ignore[arg-type]
    assert not fitted(tiny, net(), micro_batch="auto").notes
    with pytest.raises(JobFailed, match="not even one sample fits"):
        fitted(tiny, Large(0), micro_batch="auto")


@pytest.mark.parametrize("wrong", [0, -1, "all", "8", True, 2.5])
def test_a_wrong_part_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="micro_batch"):
        Recipe.model_validate({"micro_batch": wrong})


def test_16_bit_products_train_and_nothing_else_is_in_16_bits(
    tiny: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "has", lambda kind, device: True)
    seen: dict[bool, set[torch.dtype]] = {True: set(), False: set()}
    model = mlp.Model(hidden=(16,)).build(tiny.signature)
    last = [m for m in model.modules() if isinstance(m, nn.Linear)][-1]
    last.register_forward_hook(lambda m, given, found: seen[m.training].add(found.dtype))
    fit = fitted(tiny, model, autocast="bfloat16", epochs=6, batch_size=16, learning_rate=0.01)
    assert seen == {True: {torch.bfloat16}, False: {torch.float32}}
    assert fit.history[-1].train_loss < 0.5 * fit.history[0].train_loss
    assert {p.dtype for p in model.parameters()} == {torch.float32}


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_hardware_without_16_bit_products_says_so(
    tiny: Data, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported", "_is_amx_fp16_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False)
    with pytest.raises(JobFailed, match=f"^autocast = '{kind}': this CPU has no arithmetic in"):
        fitted(tiny, net(), autocast=kind)


def test_scaled_losses_are_those_of_torchs_scaler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps with gradients that are no numbers are left out by both, and the scale is the same."""
    monkeypatch.setattr(precision, "has", lambda kind, device: True)
    monkeypatch.setattr(precision, "GROWTH_STEPS", 3)
    ours, theirs = nn.Linear(4, 1), nn.Linear(4, 1)
    theirs.load_state_dict(ours.state_dict())
    mine = Precision("float16", torch.device("cuda"))
    recipe = Recipe(optimizer="sgd", weight_decay=0.0, gradient_norm=0.0)
    optimizer = Optimizer(ours.parameters(), recipe)
    torchs = torch.optim.SGD(theirs.parameters(), 0.01, momentum=0.9, nesterov=True, foreach=False)
    scaler = torch.amp.GradScaler("cpu", growth_interval=3)
    for step in range(12):
        given = torch.full((2, 4), float("inf") if step in (2, 9) else 0.1 * step)
        optimizer.zero_grad()
        mine.backward(ours(given).pow(2).sum())
        if mine.unscaled(optimizer.parameters):
            optimizer.step(0.01, 0.9)
        torchs.zero_grad()
        scaler.scale(theirs(given).pow(2).sum()).backward()
        scaler.step(torchs)
        scaler.update()
        assert mine.scale == scaler.get_scale()
    torch.testing.assert_close(weights(ours), weights(theirs))


def test_an_average_is_that_of_its_definition() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    average = Average(model, 0.9)
    expected = copy.deepcopy(model.state_dict())
    for step in range(1, 40):
        with torch.no_grad():
            for p in model.parameters():
                p.add_(torch.randn_like(p))
        kept = min(0.9, (1 + step) / (10 + step))
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                expected[name] = kept * expected[name] + (1 - kept) * value
        average.update(model, step)
    own = copy.deepcopy(model.state_dict())
    with average.in_place(model):
        for name, value in model.state_dict().items():
            torch.testing.assert_close(value, expected[name], msg=name)
    assert all(torch.equal(value, own[name]) for name, value in model.state_dict().items())


def test_averages_are_validated_and_kept_and_zeros_stay(tiny: Data) -> None:
    from compbench.techniques import prune_weights

    parent = net()
    technique = prune_weights.Technique(ratio=0.7, epochs=4, batch_size=16, ema_decay=0.9)
    fit = Fit(tiny.training, 0, lambda *_: None)
    model = technique.build([parent], tiny.training, fit)
    layers = [m.weight for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    zeros = sum(int((w == 0).sum()) for w in layers) / sum(w.numel() for w in layers)
    assert zeros == pytest.approx(0.7, abs=0.01)
    outputs = fit.outputs(model, tiny.training.validation).numpy()
    scores = tiny.task.scores(outputs, tiny.training.validation.targets)
    assert fit.chosen_epoch is not None
    assert fit.history[fit.chosen_epoch - 1].validation == scores.mean()
    plain = fitted(tiny, net())
    averaged = fitted(tiny, net(), ema_decay=0.5)
    assert plain.history[0].train_loss == averaged.history[0].train_loss


def test_patience_ends_a_training(tiny: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    values = iter([0.5, 0.6, 0.6, 0.4, 0.9])
    monkeypatch.setattr(
        type(tiny.task.headline), "value", lambda self, scores: next(values), raising=True
    )
    fit = fitted(tiny, net(), epochs=5, patience=2)
    assert [epoch.validation for epoch in fit.history] == [0.5, 0.6, 0.6, 0.4]
    assert fit.chosen_epoch == 2


def test_patience_waits_for_the_final_form(tiny: Data) -> None:
    """Epochs in which zeros still grow can't be the best one, nor count as worse."""
    told: list[Epoch] = []
    fit = Fit(tiny.training, 0, lambda epoch, _: told.append(epoch))
    fit(net(), Recipe(epochs=6, batch_size=32, patience=1), after_step=lambda share: share > 0.6)
    assert len(told) >= 4


def test_items_made_ahead_are_the_same_and_come_from_one_thread() -> None:
    threads: set[int] = set()

    def items() -> Iterator[int]:
        for number in range(20):
            threads.add(threading.get_ident())
            yield number

    assert list(ahead(items())) == list(range(20))
    assert len(threads) == 1
    assert threads != {threading.get_ident()}
    assert list(ahead([])) == []


def test_what_fails_in_the_thread_fails_in_the_loop_and_no_thread_is_left() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken file")

    before = threading.active_count()
    with pytest.raises(ValueError, match="broken file"):
        list(ahead(items()))
    for item in ahead(iter(range(1000))):
        if item == 3:
            break
    assert threading.active_count() == before
