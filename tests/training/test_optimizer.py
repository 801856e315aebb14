"""Steps and schedules are those of torch's own classes, whatever the layout of a weight."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from compbench.contracts import Recipe
from compbench.training.optimizer import Optimizer, clip
from compbench.training.schedule import schedule

OPTIONS = {"learning_rate": 0.03, "weight_decay": 0.1, "gradient_norm": 0.5}


class Odd(nn.Module):
    """Weights that are dense, in another order of axes, with gaps, of two types, and unused."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.dense = nn.Parameter(torch.randn(4, 6))
        self.turned = nn.Parameter(torch.randn(6, 4).t())
        self.last = nn.Parameter(torch.randn(4, 2, 3, 3).to(memory_format=torch.channels_last))
        self.gaps = nn.Parameter(torch.randn(4, 12)[:, ::2])
        self.wide = nn.Parameter(torch.randn(4, 6, dtype=torch.float64))
        self.complex = nn.Parameter(torch.randn(4, 6, dtype=torch.complex64))
        self.vector = nn.Parameter(torch.randn(4))
        self.now_and_then = nn.Parameter(torch.randn(4))
        self.unused = nn.Parameter(torch.randn(4))

    def loss(self, step: int) -> torch.Tensor:
        one = (self.dense * self.turned * (self.gaps + step)).sum() + self.vector.pow(2).sum()
        other = self.last.pow(2).sum() + self.wide.sin().sum() + self.complex.abs().sum()
        return one + other + (self.now_and_then.exp().sum() if step % 2 else 0)


def groups(model: nn.Module) -> list[dict[str, Any]]:
    decays = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    decay = OPTIONS["weight_decay"]
    return [{"params": decays, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("name", ["one_cycle", "cosine", "constant"])
def test_weights_are_those_of_torchs_own_optimizer_and_scheduler(optimizer: str, name: str) -> None:
    steps, ours, theirs = 9, Odd(), Odd()
    recipe = Recipe.model_validate({"optimizer": optimizer, "schedule": name, **OPTIONS})
    mine = Optimizer(ours.parameters(), recipe)
    if optimizer == "sgd":
        torchs = torch.optim.SGD(groups(theirs), 0.03, momentum=0.9, nesterov=True, foreach=False)
    else:
        torchs = torch.optim.AdamW(groups(theirs), 0.03, foreach=False)
    pace = {
        "one_cycle": lambda: torch.optim.lr_scheduler.OneCycleLR(torchs, 0.03, total_steps=steps),
        "cosine": lambda: torch.optim.lr_scheduler.CosineAnnealingLR(torchs, steps),
        "constant": lambda: torch.optim.lr_scheduler.ConstantLR(torchs, factor=1.0),
    }[name]()
    for step, (learning_rate, momentum) in enumerate(schedule(recipe, steps)):
        mine.zero_grad()
        ours.loss(step).backward()
        mine.step(learning_rate, momentum)
        torchs.zero_grad()
        theirs.loss(step).backward()
        nn.utils.clip_grad_norm_(theirs.parameters(), OPTIONS["gradient_norm"], foreach=False)
        torchs.step()
        pace.step()
    for (path, found), wanted in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6, msg=path)
    assert torch.equal(ours.unused, Odd().unused)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 7, 10, 250])
@pytest.mark.parametrize("name", ["one_cycle", "cosine"])
def test_a_schedule_is_torchs(name: str, steps: int) -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 0.2, momentum=0.9)
    if name == "one_cycle":
        torchs: Any = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=steps)
    else:
        torchs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    recipe = Recipe.model_validate({"schedule": name, "learning_rate": 0.2})
    for learning_rate, momentum in schedule(recipe, steps):
        (group,) = optimizer.param_groups
        assert learning_rate == pytest.approx(group["lr"], rel=1e-9, abs=1e-12)
        assert momentum == pytest.approx(group["momentum"], rel=1e-12)
        optimizer.step()
        torchs.step()


def test_one_cycle_moves_momentum_as_its_description_says() -> None:
    found = list(schedule(Recipe(learning_rate=1.0), 1000))
    rates, momenta = zip(*found, strict=True)
    peak = rates.index(max(rates))
    assert 298 <= peak <= 301
    assert (rates[0], momenta[0]) == pytest.approx((1 / 25, 0.95))
    assert (rates[peak], momenta[peak]) == pytest.approx((1, 0.85), abs=1e-4)
    assert (rates[-1], momenta[-1]) == pytest.approx((1 / 250_000, 0.95))


def test_gradients_are_scaled_down_to_the_norm_and_never_up() -> None:
    large, small = torch.full((4, 4), 3.0), torch.tensor([0.0, 5.0])
    clip([large, small], 2.0)
    assert float(torch.cat([large.flatten(), small]).norm()) == pytest.approx(2, rel=1e-5)
    assert float(small[1] / large[0, 0]) == pytest.approx(5 / 3)
    before = large.clone()
    clip([large, small], 2.5)
    assert torch.equal(large, before)
    clip([], 1.0)


@pytest.mark.parametrize(("norm", "is_clipped"), [(5.0, True), (0.0, False), (1e9, False)])
def test_the_norm_is_an_option_and_0_is_never(norm: float, is_clipped: bool) -> None:
    model = nn.Linear(3, 1, bias=False)
    recipe = Recipe(optimizer="sgd", weight_decay=0.0, gradient_norm=norm)
    before = model.weight.detach().clone()
    model.weight.grad = torch.full((1, 3), 100.0)
    Optimizer(model.parameters(), recipe).step(1.0, 0.5)
    moved = float((before - model.weight.detach()).norm())
    assert moved == pytest.approx(1.5 * (5 if is_clipped else 100 * 3**0.5), rel=1e-5)
