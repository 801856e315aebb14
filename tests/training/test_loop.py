from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from compbench.contracts import Batch, Recipe, Split
from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.models import mlp
from compbench.training import loop
from compbench.training.loop import Fit


def student(data: Data) -> nn.Module:
    torch.manual_seed(0)
    return mlp.Model(hidden=(16,)).build(data.signature)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "constant"])
def test_every_recipe_learns(tiny: Data, optimizer: str, schedule: str) -> None:
    fit = Fit(tiny.training, 0, lambda epoch, total: None)
    options = {"optimizer": optimizer, "schedule": schedule, "learning_rate": 0.01}
    recipe = Recipe.model_validate({"epochs": 8, "batch_size": 16, **options})
    fit(student(tiny), recipe)
    assert fit.history[-1].train_loss < 0.5 * fit.history[0].train_loss
    assert max(epoch.validation for epoch in fit.history) > 0.9
    assert fit.samples_seen == 8 * 96
    assert fit.seconds > 0


def test_the_best_epoch_by_validation_is_kept(tiny: Data) -> None:
    seen = []
    fit = Fit(tiny.training, 0, lambda epoch, total: seen.append((epoch, total)))
    model = fit(student(tiny), Recipe(epochs=6, batch_size=16, learning_rate=0.02))
    best = max(epoch.validation for epoch in fit.history)
    validation = tiny.training.validation
    logits = fit.outputs(model, validation)
    accuracy = (logits.argmax(1) == torch.from_numpy(validation.targets)).double().mean()
    assert float(accuracy) == best
    chosen = fit.history[(fit.chosen_epoch or 0) - 1]
    assert chosen.validation == best
    earlier = fit.history[: chosen.epoch - 1]
    assert all(epoch.validation < best for epoch in earlier)
    assert [epoch.epoch for epoch, _ in seen] == [1, 2, 3, 4, 5, 6]
    assert {total for _, total in seen} == {6}


def test_no_epochs_no_change(tiny: Data) -> None:
    fit = Fit(tiny.training, 0, lambda epoch, total: None)
    before = {name: value.clone() for name, value in student(tiny).state_dict().items()}
    after = fit(student(tiny), Recipe(epochs=0)).state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert fit.chosen_epoch is None


def test_a_long_epoch_tells_how_far_it_is(tiny: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, float, int]] = []

    def trained(part_s: float) -> list[tuple[str, float, int]]:
        monkeypatch.setattr(loop, "_PART_S", part_s)
        told.clear()
        fit = Fit(
            tiny.training,
            0,
            lambda epoch, total: told.append(("epoch", epoch.epoch, total)),
            on_part=lambda done, total: told.append(("part", done, total)),
        )
        for _ in range(2):  # as in rounds of pruning
            fit(student(tiny), Recipe(epochs=2, batch_size=32))
        return told

    kinds, done, totals = zip(*trained(-1), strict=True)
    assert kinds == ("part", "part", "part", "epoch") * 4
    assert [*done] == pytest.approx(
        [whole + part for whole in range(4) for part in (1 / 3, 2 / 3, 1, 1)]
    )
    assert totals == (2,) * 8 + (4,) * 8
    assert {kind for kind, *_ in trained(100)} == {"epoch"}


def test_arrays_that_can_not_be_written_are_learnt_from(tiny: Data) -> None:
    """Such as views of one text; torch warns of them, and warnings are errors here."""
    train = Split(tiny.training.train.arrays, tiny.training.train.targets.copy())
    for array in (*train.arrays.values(), train.targets):
        array.flags.writeable = False
    fit = Fit(replace(tiny.training, train=train), 0, lambda epoch, total: None)
    fit(student(tiny), Recipe(epochs=1, batch_size=16))
    assert len(fit.history) == 1


def test_another_seed_another_order(tiny: Data) -> None:
    states = []
    for seed in (0, 0, 1):
        fit = Fit(tiny.training, seed, lambda epoch, total: None)
        model = fit(student(tiny), Recipe(epochs=1, batch_size=16))
        states.append(torch.cat([p.flatten() for p in model.parameters()]))
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (1, "the loss is nan before anything was learnt: what the net gives is no finite number"),
        (2, "the loss is nan in epoch 1: lower learning_rate"),
    ],
)
def test_a_loss_that_explodes_fails_the_job(tiny: Data, first: int, message: str) -> None:
    def explode(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        calls.append(0)
        return logits.sum() * (0.0 if len(calls) < first else float("nan"))

    calls: list[int] = []
    fit = Fit(tiny.training, 0, lambda epoch, total: None)
    with pytest.raises(JobFailed, match=message):
        fit(student(tiny), Recipe(epochs=1, batch_size=16), explode)
