from __future__ import annotations

import pytest
import torch
from torch import nn

from compbench.training.activation_order import pooled_first
from compbench.training.taps import Taps


def net() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2))


def test_taps_keep_what_layers_gave_last_and_leave_nothing_behind() -> None:
    model, images = net(), torch.randn(2, 1, 8, 8)
    with Taps(model, ["0", "1"]) as taps:
        assert taps.seen() == {}
        model(images)
        assert torch.equal(taps.seen()["1"], taps.seen()["0"].relu())
        assert taps.seen()["0"].requires_grad
    assert taps.seen() == {}
    assert not any(layer._forward_hooks for layer in model.modules())


def test_they_are_removed_where_the_block_raises() -> None:
    model = net()
    with pytest.raises(ValueError, match="x"), Taps(model, ["0"]):
        raise ValueError("x")
    assert not any(layer._forward_hooks for layer in model.modules())


def test_a_layer_that_is_not_there_is_named_with_the_nearest() -> None:
    model = nn.Sequential()
    model.add_module("encoder", nn.ReLU())
    with pytest.raises(ValueError, match="there is no layer 'encodr'; did you mean 'encoder'"):
        Taps(model, ["encodr"])


def test_of_several_tensors_the_first_is_kept() -> None:
    class Two(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[None, dict[str, torch.Tensor]]:
            return None, {"a": x, "b": x + 1}

    model = nn.Sequential(Two())
    with Taps(model, ["0"]) as taps:
        model(torch.zeros(1))
        assert float(taps.seen()["0"]) == 0


def test_a_layer_that_is_looked_at_keeps_its_place_in_training() -> None:
    """Else a ReLU that stands behind the pooling gives smaller images while a net is trained."""
    model, images = net(), torch.randn(2, 1, 8, 8)
    with Taps(model, ["1"]) as taps, pooled_first(model):
        model(images)
        assert taps.seen()["1"].shape == (2, 2, 6, 6)
    with pooled_first(model):
        assert [type(layer).__name__ for layer in model] == ["Conv2d", "MaxPool2d", "ReLU"]  # type: ignore[arg-type]
