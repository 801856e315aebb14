"""Every kind of module, after every technique, comes back from a checkpoint bit for bit."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from compbench import checkpoint, registry
from compbench.contracts import TorchTechnique
from compbench.data import Data
from compbench.errors import JobFailed
from compbench.export import settled, torch_logits
from compbench.fit import Fit
from tests.nets_of_all_kinds import CLASSES, NETS

TECHNIQUES = {
    "nothing": ("train", {"epochs": 0}),
    "prune_channels": ("prune_channels", {"ratio": 0.5, "round_to": 1, "epochs": 0}),
    "low_rank": ("low_rank", {"ratio": 0.4, "epochs": 0}),
    "low_rank-spatial": ("low_rank", {"ratio": 0.4, "method": "spatial", "epochs": 0}),
    "prune_weights": ("prune_weights", {"ratio": 0.5, "scope": "layer", "epochs": 0}),
    "cluster_weights": ("cluster_weights", {"bits": 2, "epochs": 0}),
}


def built(name: str, data: Data) -> nn.Module:
    """A net with random weights and statistics, as a trained one has."""
    model = NETS[name]().eval()
    torch_logits(model, data.test.images[:2])
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            if tensor.is_floating_point():
                tensor.add_(0.1 * torch.rand_like(tensor))
    return model


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("technique", TECHNIQUES)
@pytest.mark.parametrize("name", NETS)
def test_a_net_comes_back_bit_for_bit(name: str, technique: str, tiny: Data) -> None:
    torch.manual_seed(0)
    plugin, options = TECHNIQUES[technique]
    step = registry.find("technique", plugin)(**options)
    assert isinstance(step, TorchTechnique)
    fit = Fit(tiny.training, 0, lambda *_: None)
    parent = built(name, tiny)
    before = torch_logits(parent, tiny.test.images)
    model = settled(step.build([parent], tiny.training, fit))
    assert (torch_logits(parent, tiny.test.images) == before).all()
    after = torch_logits(model, tiny.test.images)
    assert after.shape == (len(tiny.test), CLASSES)
    file = checkpoint.to_bytes(model)
    checkpoint.refuse_drift(file, NETS[name](), model, tiny.test.images)
    if technique != "nothing":
        assert fit.notes or (after != before).any(), "it did nothing, and said nothing"
