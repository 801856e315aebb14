"""Another order of layers changes no bit of what a net computes and learns."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from compbench.contracts import Recipe
from compbench.data.splits import Data
from compbench.models import cnn
from compbench.training import loop
from compbench.training.activation_order import pooled_first
from tests.nets import image_signature

SIGNATURE = image_signature(1, 12, 12)


def net() -> nn.Module:
    torch.manual_seed(0)
    return cnn.Model(channels=(4, 8), hidden=16).build(SIGNATURE)


def kinds(model: nn.Module) -> list[str]:
    return [type(layer).__name__ for layer in model.children()]


@pytest.mark.parametrize(
    "pooling", [nn.MaxPool2d(2), nn.MaxPool2d(3, 2, padding=1), nn.MaxPool2d(3, 1, ceil_mode=True)]
)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_logits_and_gradients_are_the_same_to_the_bit(
    pooling: nn.MaxPool2d, layout: torch.memory_format
) -> None:
    torch.manual_seed(0)
    layers = (nn.Conv2d(2, 4, 3), nn.ReLU(), pooling, nn.Flatten(), nn.LazyLinear(3))
    model = nn.Sequential(nn.Sequential(*layers))
    images = torch.randn(16, 2, 9, 9).round().contiguous(memory_format=layout)  # with ties
    model(images)
    found = []
    for around in (contextlib.nullcontext(), pooled_first(model)):
        with around:
            logits = model(images)
            model.zero_grad()
            logits.pow(2).sum().backward()
        found.append([logits.detach(), *(p.grad for p in model.parameters())])
    assert all(torch.equal(*pair) for pair in zip(*found, strict=True))


def test_the_order_is_that_of_before_afterwards_also_after_an_error() -> None:
    model = net()
    names, before = list(model.state_dict()), kinds(model)
    with pytest.raises(RuntimeError, match="no memory"), pooled_first(model):  # noqa: PT012
        assert kinds(model)[:3] == ["Conv2d", "MaxPool2d", "ReLU"]
        assert list(model.state_dict()) == names
        assert isinstance(model.get_submodule("1"), nn.ReLU)
        raise RuntimeError("no memory")
    assert kinds(model) == before
    assert before[:3] == ["Conv2d", "ReLU", "MaxPool2d"]


def test_layers_that_other_code_may_look_into_stay() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(nn.ReLU(), nn.MaxPool2d(2))

    indices = nn.Sequential(nn.ReLU(), nn.MaxPool2d(2, return_indices=True))
    own = Own()
    with pooled_first(nn.Sequential(own, indices)), pooled_first(own):
        assert kinds(own.layers) == kinds(indices) == ["ReLU", "MaxPool2d"]


def test_training_gives_the_same_weights(tiny: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def as_it_is(model: nn.Module) -> Iterator[None]:
        yield

    states = []
    for around in (pooled_first, as_it_is):
        monkeypatch.setattr(loop, "pooled_first", around)
        fit = loop.Fit(tiny.training, 0, lambda epoch, total: None)
        model = fit(net(), Recipe(epochs=2, batch_size=16, shift_pixels=1))
        states.append(torch.cat([p.flatten() for p in model.parameters()]))
    assert torch.equal(*states)
