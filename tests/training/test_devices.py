"""On a machine with a GPU nets and data meet on one device, in every technique that trains."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from compbench.contracts import Batch, Epoch, LoweringTechnique, Recipe, TorchTechnique
from compbench.data.splits import Data
from compbench.models import cnn, gpt
from compbench.registry import registry
from compbench.training import loop
from compbench.training.loop import Fit
from tests import texts
from tests.fake_device import GPU, Mixed, left_for, second_device

AUGMENTED: dict[str, Any] = {"crop_pixels": 1, "flip": True, "erase": 0.5, "mixup": 0.3}
LARGE: dict[str, Any] = {"micro_batch": 20, "ema_decay": 0.9, "patience": 1, "optimizer": "sgd"}
TECHNIQUES: dict[str, dict[str, Any]] = {
    "train": {},
    "distill": {"model": "mlp"},
    "distill_self": {},
    "prune_channels": {"ratio": 0.5, "round_to": 1, "steps": 2, "importance": "taylor"},
    "prune_weights": {"ratio": 0.6},
    "prune_layers": {"ratio": 0.5},
    "low_rank": {"ratio": 0.5},
    "cluster_weights": {"bits": 2},
    "quantize_aware": {},
}
TEXTS: dict[str, dict[str, Any]] = {  # techniques that need texts, which nothing augments
    "distill_sequences": {
        "model": {"name": "gpt", "width": 8, "heads": 2, "layers": 1},
        "mixed_with_originals": 0.5,
    },
}
KINDS = (LoweringTechnique, TorchTechnique)


def net(data: Data) -> nn.Module:
    torch.manual_seed(0)
    if data.training.task.has_next_tokens:
        return gpt.Model(width=16, heads=2, layers=2).build(data.signature).eval()
    return cnn.Model(channels=(8, 8, 8), hidden=16).build(data.signature).eval()


def trained(name: str, options: dict[str, Any], data: Data, fit: Fit) -> bytes:
    """The bytes of what a technique makes."""
    technique = registry.find("technique", name)(
        **{"epochs": 2, **(TECHNIQUES | TEXTS)[name], **options}
    )
    torch.manual_seed(1)
    if isinstance(technique, LoweringTechnique):
        return technique.lower([net(data)], data.training, fit)
    assert isinstance(technique, TorchTechnique)
    model = technique.build([net(data)], data.training, fit)
    return b"".join(p.detach().numpy().tobytes() for p in model.state_dict().values())


def test_all_that_train_are_here() -> None:
    found = {n: registry.find("technique", n) for n in registry.names("technique")}
    trains = {n for n, one in found.items() if issubclass(one, KINDS) and issubclass(one, Recipe)}
    assert trains == {*TECHNIQUES, *TEXTS}


@pytest.mark.parametrize("options", [{}, AUGMENTED, LARGE], ids=["plain", "augmented", "large"])
@pytest.mark.parametrize("name", TECHNIQUES)
def test_nets_and_data_are_on_one_device(
    name: str, options: dict[str, Any], tiny: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the arithmetic is the same as without it, so that nothing was left out."""
    if {"soft_weight"} <= {*registry.find("technique", name).model_fields}:
        options = {"soft_weight": 0.5, **options}
    refuse_difference(name, options, tiny, monkeypatch)


@pytest.mark.parametrize(
    "further",
    [{}, {"sampling_temperature": 0, "beams": 2}, LARGE],
    ids=["drawn", "searched", "large"],
)
@pytest.mark.parametrize("name", TEXTS)
def test_texts_and_what_is_written_are_on_one_device(
    name: str, further: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_difference(name, {"soft_weight": 0.5, **further}, texts.data(), monkeypatch)


def refuse_difference(
    name: str, options: dict[str, Any], data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between what is trained on the CPU and on the second device, where all is that moves."""
    places: list[bool] = []
    expected = trained(name, options, data, Fit(data.training, 0, lambda *_: None))
    with second_device() as is_there:
        monkeypatch.setattr(loop, "fastest_here", lambda: GPU)
        monkeypatch.setattr(torch.onnx, "export", left_for(torch.onnx.export))

        def on_epoch(epoch: Epoch, total: int) -> None:
            places.append(is_there(fit.train.targets))

        fit = Fit(data.training, 0, on_epoch)
        found = trained(name, options, data, fit)
    assert places
    assert all(places)
    assert found == expected


def test_the_fake_device_finds_a_mix() -> None:
    """In forward and backward passes and in steps; what a GPU allows is allowed."""
    with second_device() as is_there:
        here, there = torch.ones(2), torch.ones(2).to(GPU)
        assert (is_there(here), is_there(there), is_there(there + 1)) == (False, True, True)
        assert there.device == GPU
        assert is_there(torch.zeros(3, device=GPU))
        assert not is_there(there.cpu())
        there.copy_(here)
        assert float((there * torch.tensor(2.0)).sum()) == 4
        for mixing in (
            lambda: there + here,
            lambda: torch.cat([there, here]),
            lambda: nn.Linear(2, 2)(there),
            lambda: nn.Linear(2, 2).to(GPU)(here),
            lambda: there.numpy(),
            lambda: here.index_select(0, torch.zeros(1, dtype=torch.int64).to(GPU)),
        ):
            with pytest.raises(Mixed):
                mixing()


def test_a_technique_that_forgets_to_move_is_found(
    tiny: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loss(outputs: Tensor, batch: Batch) -> Tensor:
        return (outputs - torch.zeros(outputs.shape)).pow(2).mean()

    monkeypatch.setattr(loop, "fastest_here", lambda: GPU)
    with second_device(), pytest.raises(Mixed):
        Fit(tiny.training, 0, lambda *_: None)(net(tiny), Recipe(epochs=1), loss)
