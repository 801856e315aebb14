"""Whole blocks left out: which ones, and what is said where that can't be."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from compbench.contracts import Input, Signature, Split, TrainingData
from compbench.errors import JobFailed
from compbench.make import checkpoint
from compbench.models import gpt, transformer
from compbench.tasks import classification
from compbench.techniques.prune_layers import Technique
from compbench.toolkit import blocks
from compbench.training.loop import Fit

SIZE, CLASSES = 8, 3


class Residual(nn.Module):
    """A block whose output is known by its number: it adds that."""

    def __init__(self, number: float):
        super().__init__()
        self.added = nn.Parameter(torch.full((SIZE,), number))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.added


class Net(nn.Module):
    """A wide layer, six blocks in a list, another in between, a head that sums."""

    def __init__(self, asks_for: int | None = None):
        super().__init__()
        self.layers = nn.ModuleList([Residual(2.0**n) for n in range(6)])
        self.layers.insert(3, nn.Tanh())
        self.few = nn.Sequential(nn.Linear(SIZE, SIZE), nn.Linear(SIZE, CLASSES))
        self.asks_for = asks_for

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return self.few(x if self.asks_for is None else self.layers[self.asks_for](x))


def numbers(model: nn.Module) -> list[float]:
    return [m.added[0].item() for m in model.modules() if isinstance(m, Residual)]


def made(model: nn.Module, **options: Any) -> tuple[nn.Module, Fit]:
    signature = Signature({"x": Input("float32", (SIZE,))}, CLASSES)
    split = Split({"x": torch.randn(30, SIZE).numpy()}, torch.arange(30).numpy() % CLASSES)
    data = TrainingData(split, split, classification.Task(), signature)
    fit = Fit(data, 0, lambda *_: None)
    return Technique(epochs=0, **options).build([model], data, fit), fit


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({}, [1, 4, 16]),  # every other, from the first
        ({"ratio": 1 / 3}, [1, 2, 8, 16]),
        ({"ratio": 0.4}, [1, 4, 16]),  # at least so many go
        ({"ratio": 0.99}, [1]),
        ({"ratio": 0.0}, [1, 2, 4, 8, 16, 32]),
        ({"keep": (0, 5)}, [1, 32]),
        ({"keep": (2, 3, 4), "path": "layers"}, [4, 8, 16]),
    ],
)
def test_the_right_ones_stay_with_their_weights(options: dict[str, Any], left: list[float]) -> None:
    parent = Net()
    model, fit = made(parent, **options)
    assert numbers(model) == left
    assert len(numbers(parent)) == 6
    assert sum(isinstance(m, nn.Tanh) for m in model.modules()) == 1
    assert not fit.notes
    loaded = checkpoint.from_bytes(checkpoint.to_bytes(model), Net())
    x = torch.randn(2, SIZE)
    assert torch.equal(loaded(x), model.eval()(x))


@pytest.mark.parametrize(
    ("model", "options", "complaint"),
    [
        (Net(), {"path": "layer"}, "'layer' is no list of modules; did you mean 'layers'"),
        (Net(), {"path": "few"}, "'few' has no list with two blocks that are alike"),
        (Net(), {"keep": (0, 6)}, "'layers' has 6 blocks that are alike, counted from 0"),
        (Net(5), {}, "without blocks of 'layers' the net does not run: .*index 5"),
        (nn.Linear(SIZE, CLASSES), {}, "nothing was left out: the net has no list with two"),
        (nn.Sequential(nn.Linear(SIZE, CLASSES)), {}, "the net has no list with two blocks"),
    ],
)
def test_what_can_not_be_is_refused(
    model: nn.Module, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(JobFailed, match=complaint):
        made(model, **options)


def test_all_of_them_is_said() -> None:
    _, fit = made(Net(), keep=(0, 1, 2, 3, 4, 5))
    assert fit.notes == ["nothing was left out: all 6 blocks of 'layers' stay"]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"keep": (0,), "ratio": 0.5}, "ratio and keep both say which blocks stay"),
        ({"keep": (2, 0)}, "rising order, each once"),
        ({"keep": (0, 0)}, "rising order, each once"),
        ({"keep": ()}, "at least 1 item"),
        ({"keep": (-1, 2)}, "greater than or equal to 0"),
        ({"ratio": 1.0}, "less than 1"),
    ],
)
def test_options_that_say_no_blocks(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Technique(**options)


@pytest.mark.parametrize("family", [gpt.Model(layers=4, width=16), transformer.Model(layers=4)])
def test_the_nets_of_compbench_have_blocks(family: gpt.Model | transformer.Model) -> None:
    tokens = {name: Input("int64", (6,), values=9) for name in ("tokens", "mask")}
    model = family.build(Signature(tokens, 9))
    before = copy.deepcopy(model.state_dict())
    found = blocks.found(model)
    assert len(found.places) == 4
    blocks.keep(model, found, blocks.evenly(4, 2))
    inputs = [torch.ones(2, 6, dtype=torch.int64)] * (1 if isinstance(family, gpt.Model) else 2)
    assert model(*inputs).shape[-1] == 9
    kept = model.state_dict()
    second = [n for n in kept if n.startswith(f"{found.path}.1.")]
    assert second
    assert all(torch.equal(kept[n], before[n.replace(".1.", ".2.", 1)]) for n in second)
