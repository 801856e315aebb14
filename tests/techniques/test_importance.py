"""The importance of channels is what the docstring of `prune_channels` says."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.techniques.prune_channels import Technique, _importance
from compbench.training.loop import Fit

PARTS = {  # of one tensor, of its weights and their gradients, for each channel
    "l1": lambda w, g: w.abs(),
    "l2": lambda w, g: w.square(),
    "taylor": lambda w, g: (w * g).abs(),
}


def net() -> nn.Sequential:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 6, 3, stride=4),
        nn.Flatten(),
        nn.Linear(24, 3),
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter))
    return model.eval()


def scores(model: nn.Sequential, name: str) -> Tensor:
    """What torch-pruning ranks the first layer's channels by."""
    import torch_pruning

    model(torch.randn(5, 1, 12, 12)).square().mean().backward()
    graph: Any = torch_pruning.DependencyGraph().build_dependency(model, torch.zeros(1, 1, 12, 12))
    prune = torch_pruning.prune_conv_out_channels
    return _importance(model, name)(graph.get_pruning_group(model[0], prune, list(range(8))))


@pytest.mark.parametrize("name", PARTS)
def test_a_mean_over_the_tensors_of_a_group_of_sums_over_a_channels_part(name: str) -> None:
    model, part = net(), PARTS[name]
    found = scores(model, name)

    def summed(layer: Any, channel: int) -> Tensor:
        kept = layer.weight.detach().movedim(channel, 0), layer.weight.grad.movedim(channel, 0)
        return part(*kept).flatten(1).sum(1) if layer.weight.ndim > 1 else part(*kept)

    tensors = [summed(model[0], 0), summed(model[3], 1)]
    tensors += [summed(model[1], 0)] * (name != "taylor")
    mean = torch.stack(tensors).mean(0)
    assert torch.allclose(found, mean / mean.mean())


def test_by_batch_norm_its_scale_alone() -> None:
    model = net()
    scale = model[1].weight.detach().abs()  # type: ignore[union-attr]
    assert torch.allclose(scores(model, "batch_norm"), scale / scale.mean())


@pytest.mark.parametrize("ratio", [0.1, 0.2])
def test_the_share_asked_for_goes_where_only_layers_with_batch_norm_can(
    ratio: float, tiny: Data
) -> None:
    model = net()
    technique = Technique(
        ratio=ratio, of="parameters", importance="batch_norm", round_to=1, epochs=0
    )
    fit = Fit(tiny.training, 0, lambda *_: None)
    pruned = technique.build([model], tiny.training, fit)
    before, after = (sum(p.numel() for p in m.parameters()) for m in (model, pruned))
    assert after <= (1 - ratio) * before
    assert pruned[3].out_channels == 6  # type: ignore[index]


def test_a_share_that_batch_norm_can_not_reach_is_refused(tiny: Data) -> None:
    technique = Technique(ratio=0.9, of="parameters", importance="batch_norm", round_to=1, epochs=0)
    with pytest.raises(JobFailed, match="at most"):
        technique.build([net()], tiny.training, Fit(tiny.training, 0, lambda *_: None))
