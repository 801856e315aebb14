"""Exits learn from a net's last outputs, and are thrown away."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div, mse_loss

from compbench.contracts import Batch, TorchTechnique, TrainingData
from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.suite.read import load
from compbench.techniques import distill_self, train
from compbench.training.exits import Weights, learning_itself
from compbench.training.loop import Fit

CNN = {"name": "cnn", "channels": [4, 6, 8], "hidden": 10}


def fit(data: TrainingData) -> Fit:
    return Fit(data, 0, lambda epoch, total: None)


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(144, 3)
    )


def batch(data: Data) -> Batch:
    split = data.training.train
    pixels = torch.from_numpy(data.training.prepared(split.first(12))["pixels"])
    return Batch({"pixels": pixels}, torch.from_numpy(split.targets[:12]), torch.arange(12))


def loss_of(data: Data, model: nn.Module, weights: Weights) -> tuple[Tensor, Any]:
    seen = batch(data)
    with learning_itself(model, ["1"], "3", weights, data.training, fit(data.training)) as loss:
        return loss(model(seen.inputs["pixels"]), seen), loss


@pytest.mark.parametrize("weights", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.7, 0.3, 0.03)])
def test_the_loss_is_the_papers(tiny: Data, weights: tuple[float, float, float]) -> None:
    model, seen = net(), batch(tiny)
    found, loss = loss_of(tiny, model, Weights(*weights, temperature=3))
    (leave,) = loss.learnt
    map_ = model[1](model[0](seen.inputs["pixels"]))
    last, outputs = model[3](model[2](map_)), model(seen.inputs["pixels"])
    features = map_.mean((2, 3)) @ leave.widen.weight.T + leave.widen.bias
    answers = features.relu() @ leave.answer.weight.T + leave.answer.bias
    soft = 9 * kl_div(
        (answers / 3).log_softmax(1), (outputs / 3).log_softmax(1), None, None, "batchmean", True
    )
    parts = (cross_entropy(answers, seen.targets), soft, mse_loss(features, last))
    expected = cross_entropy(outputs, seen.targets)
    expected = expected + sum(w * part for w, part in zip(weights, parts, strict=True))
    torch.testing.assert_close(found, expected)


def test_what_exits_learn_from_gets_no_gradient_of_theirs(tiny: Data) -> None:
    """The last layer's gradient is that of the plain loss, whatever exits are told."""
    model = net()
    found, _ = loss_of(tiny, model, Weights(0.7, 0.3, 0.03, temperature=3))
    found.backward()
    gradients = [model[4].weight.grad, model[0].weight.grad]
    plain = net()
    cross_entropy(plain(batch(tiny).inputs["pixels"]), batch(tiny).targets).backward()
    torch.testing.assert_close(gradients[0], plain[4].weight.grad)
    assert not torch.allclose(gradients[1], plain[0].weight.grad)  # type: ignore[arg-type]


def test_without_weights_it_is_plain_training_bit_for_bit(tiny: Data) -> None:
    made = []
    for technique in (
        train.Technique(model=CNN, epochs=2),
        distill_self.Technique(model=CNN, epochs=2, hard_weight=0, soft_weight=0, hint_weight=0),
    ):
        torch.manual_seed(1)
        made.append(technique.build([], tiny.training, fit(tiny.training)))
    for one, other in zip(made[0].parameters(), made[1].parameters(), strict=True):
        assert torch.equal(one, other)


def test_exits_stand_at_the_ends_of_stages_and_leave(tiny: Data) -> None:
    given = fit(tiny.training)
    made = distill_self.Technique(model=CNN, epochs=2).build([], tiny.training, given)
    assert given.notes == ["exits stand on '1', '4'"]
    wanted = train.Technique(model=CNN, epochs=0).build([], tiny.training, fit(tiny.training))
    assert {n: p.shape for n, p in made.named_parameters()} == {
        n: p.shape for n, p in wanted.named_parameters()
    }
    assert not any(layer._forward_hooks for layer in made.modules())


def test_a_parents_net_is_tuned_and_stays_as_it_was(tiny: Data) -> None:
    parent = net().eval()
    before = [one.clone() for one in parent.parameters()]
    with torch.no_grad():
        parent[0].weight[0] = 0  # type: ignore[index, operator]
    before[0][0] = 0
    made = distill_self.Technique(epochs=1, exits=("1",)).build(
        [parent], tiny.training, fit(tiny.training)
    )
    assert all(map(torch.equal, parent.parameters(), before))
    assert not made[0].weight[0].any() and made[0].weight[1:].any()  # type: ignore[index, union-attr]


@pytest.mark.parametrize(
    ("model", "exits", "message"),
    [
        (CNN, ("7x",), "exits: there is no layer '7x'"),
        ("mlp", None, "no stages are found where exits could stand: name layers"),
        (CNN, (), "exits"),
    ],
)
def test_what_can_not_be_is_told(tiny: Data, model: Any, exits: Any, message: str) -> None:
    with pytest.raises((JobFailed, ValueError), match=message):
        distill_self.Technique(model=model, exits=exits, epochs=1).build(
            [], tiny.training, fit(tiny.training)
        )


@pytest.mark.parametrize(("given", "count"), [({"model": CNN}, 1), ({}, 0)])
def test_either_a_model_or_a_parent(given: dict[str, Any], count: int) -> None:
    assert "model" in str(distill_self.Technique(**given).problem(count))


def test_generations_born_again_are_a_chain_of_distillations(tiny: Data, write_suite: Any) -> None:
    """Furlanello et al., arXiv:1805.04770: the same net is taught by the one before it."""
    suite = load(
        write_suite(
            """
            [variants.first]
            technique = "train"
            model = "mlp"
            [variants.second]
            technique = "distill"
            parent = "first"
            model = "mlp"
            [variants.third]
            technique = "distill"
            parents = ["second", "first"]
            model = "mlp"
            """
        )
    )
    made: dict[str, nn.Module] = {}
    for name, variant in suite.variants.items():
        torch.manual_seed(len(made))
        assert isinstance(variant.technique, TorchTechnique)
        parents = [made[parent] for parent in variant.parents]
        short = variant.technique.model_copy(update={"epochs": 2})
        made[name] = short.build(parents, tiny.training, fit(tiny.training))
    shapes = [[p.shape for p in net.parameters()] for net in made.values()]
    assert shapes[0] == shapes[1] == shapes[2]
    weights = [next(net.parameters()) for net in made.values()]
    assert not torch.equal(weights[0], weights[1]) and not torch.equal(weights[1], weights[2])
