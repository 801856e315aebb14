"""Strided 1×1 convolutions skip pixels first while a net is trained, and give the same."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from compbench.contracts import Recipe
from compbench.data.splits import Data
from compbench.models import resnet8
from compbench.training import loop
from compbench.training.layout import fastest
from compbench.training.strides import skipped_first
from tests.nets import image_signature


class Own(nn.Conv2d):
    """A convolution with code of its own."""

    def forward(self, input: Tensor) -> Tensor:
        return torch.conv2d(input, self.weight * 2, self.bias, self.stride)


PLAIN = [
    nn.Conv2d(4, 6, 1, stride=2),
    nn.Conv2d(4, 6, 1, stride=(2, 3), bias=False),
    nn.Conv2d(4, 8, 1, stride=2, groups=2, padding="valid"),
    nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 6, 1, stride=2)),
]
OTHERS = [Own(4, 6, 1, stride=2), nn.Conv2d(4, 6, 1, stride=2, padding=1)]


@pytest.mark.parametrize("layer", PLAIN, ids=str)
def test_outputs_and_gradients_are_the_same_in_either_layout(layer: nn.Conv2d) -> None:
    torch.manual_seed(0)
    assert fastest(layer) == torch.contiguous_format
    images = torch.randn(5, 4, 7, 9)
    expected = run(layer, images)
    with skipped_first(layer):
        assert fastest(layer) == torch.channels_last
        for layout in (torch.contiguous_format, torch.channels_last):
            found = run(layer, images.contiguous(memory_format=layout))
            torch.testing.assert_close(
                found, expected, rtol=1e-4, atol=1e-4
            )  # sums in other orders
    assert "_conv_forward" not in vars(layer)


def run(layer: nn.Module, images: Tensor) -> list[Tensor]:
    images = images.detach().requires_grad_(True)
    layer.zero_grad()
    outputs = layer(images)
    outputs.pow(2).sum().backward()
    return [outputs, *(t.grad for t in (images, *layer.parameters()) if t.grad is not None)]


@pytest.mark.parametrize("layer", OTHERS, ids=["own", "padded"])
def test_what_it_does_not_know_stays_and_is_trained_in_the_layout_that_works(
    layer: nn.Conv2d,
) -> None:
    images = torch.randn(5, 4, 7, 9)
    expected = layer(images)
    with skipped_first(layer):
        assert torch.equal(layer(images), expected)
        assert fastest(layer) == torch.contiguous_format


def test_a_net_is_afterwards_what_it_was_also_after_an_error() -> None:
    model = resnet8.Model(width=2).build(image_signature(3, 8, 8))
    before = {name: set(vars(module)) for name, module in model.named_modules()}
    with pytest.raises(RuntimeError, match="no memory"), skipped_first(model):  # noqa: PT012
        assert fastest(model) == torch.channels_last
        raise RuntimeError("no memory")
    assert {name: set(vars(module)) for name, module in model.named_modules()} == before


def test_residual_nets_are_trained_in_the_fast_layout(
    tiny: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(*given: object) -> torch.memory_format:
        layouts.append(working(*given))  # pyright: ignore[reportArgumentType]
        return layouts[-1]

    layouts, working = [], loop.working
    monkeypatch.setattr(loop, "working", told)
    model = resnet8.Model(width=2).build(tiny.signature)
    loop.Fit(tiny.training, 0, lambda *_: None)(model, Recipe(epochs=1))
    assert layouts == [torch.channels_last]
