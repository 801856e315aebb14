"""Several teachers as one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from compbench.contracts import Batch, Split, TrainingData
from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.tasks import regression
from compbench.techniques import distill
from compbench.training.loop import Fit
from compbench.training.teacher import Teacher, Teachers
from tests.conftest import SIGNATURE

STUDENT = {"model": {"name": "mlp", "hidden": [8]}, "epochs": 2}


def net(seed: int, scale: float = 1) -> nn.Module:
    torch.manual_seed(seed)
    layer = nn.Linear(144, 3)
    with torch.no_grad():
        layer.weight.mul_(scale)
    return nn.Sequential(nn.Flatten(), layer).eval()


def fit(data: TrainingData) -> Fit:
    return Fit(data, 0, lambda epoch, total: None)


def together(nets: list[nn.Module], data: Data, combine: str, weights: list[float]) -> Teachers:
    return Teachers([Teacher(one, fit(data.training)) for one in nets], weights, combine)


def batch(data: Data) -> Batch:
    split = data.training.train
    pixels = torch.from_numpy(data.training.prepared(split.first(12))["pixels"])
    return Batch({"pixels": pixels}, torch.from_numpy(split.targets[:12]), torch.arange(12))


def outputs(one: nn.Module, seen: Batch) -> Tensor:
    return one(seen.inputs["pixels"]).detach()


@pytest.mark.parametrize("combine", ["mean", "confidence", "random"])
@pytest.mark.parametrize("losses", [None, ["soft", "distribution"]])
def test_one_teacher_twice_is_that_teacher(tiny: Data, combine: Any, losses: Any) -> None:
    """The null case: the same student, but for roundings of weights."""
    found = []
    for count, how in ((1, "mean"), (2, combine)):
        technique = distill.Technique(**STUDENT, combine=how, losses=losses)  # type: ignore[arg-type]
        torch.manual_seed(3)
        student = technique.build([net(0)] * count, tiny.training, fit(tiny.training))
        found.append([*student.parameters()])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_outputs_are_means_by_the_weights(tiny: Data) -> None:
    one, other, seen = net(0), net(1), batch(tiny)
    found = together([one, other], tiny, "mean", [3, 1]).outputs(seen)
    torch.testing.assert_close(found, 0.75 * outputs(one, seen) + 0.25 * outputs(other, seen))


def test_who_is_surer_of_a_sample_weighs_more(tiny: Data) -> None:
    """Weights over perplexities, once more in numpy."""
    sure, unsure, seen = net(0, 5), net(1), batch(tiny)
    found = together([sure, unsure], tiny, "confidence", [1, 2]).outputs(seen).numpy()
    each = [outputs(one, seen).double().numpy() for one in (sure, unsure)]
    for row in range(12):
        weights = []
        for weight, logits in zip((1, 2), each, strict=True):
            p = np.exp(logits[row]) / np.exp(logits[row]).sum()
            weights.append(weight / np.exp(-(p * np.log(p)).sum()))
        expected = sum(w * logits[row] for w, logits in zip(weights, each, strict=True))
        np.testing.assert_allclose(found[row], expected / sum(weights), rtol=1e-4, atol=1e-5)


def test_one_at_random_is_drawn_by_the_weights_and_kept_for_mixed_targets(tiny: Data) -> None:
    one, other = net(0), net(1)
    teachers = together([one, other], tiny, "random", [9, 1])
    torch.manual_seed(0)
    drawn = []
    for _ in range(200):
        seen = batch(tiny)
        found = teachers.outputs(seen)
        again = teachers.outputs(Batch(seen.inputs, seen.targets.flip(0), seen.indices.flip(0)))
        assert torch.equal(found, again)
        drawn.append(torch.allclose(found, outputs(one, seen)))
    assert 160 < sum(drawn) < 198


@pytest.mark.parametrize(
    ("options", "parents", "message"),
    [
        ({"teacher_weights": [1, 2]}, 3, "has 2 teacher_weights for 3 parents"),
        ({"combine": "random"}, 1, 'has combine = "random" for one parent'),
        ({}, 17, "needs 1 to 16 parents, got 17"),
    ],
)
def test_what_does_not_fit_the_parents_is_told(
    options: dict[str, Any], parents: int, message: str
) -> None:
    problem = distill.Technique(**STUDENT, **options).problem(parents)  # type: ignore[arg-type]
    assert problem is not None and message in problem


def test_weights_of_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="teacher_weights"):
        distill.Technique(**STUDENT, teacher_weights=[1, 0])  # type: ignore[arg-type]


def test_numbers_have_no_confidence() -> None:
    pixels = np.zeros((8, 1, 12, 12), np.uint8)
    split = Split({"pixels": pixels}, np.zeros((8, 3), np.float32))
    data = TrainingData(split, split, regression.Task(), SIGNATURE)
    technique = distill.Technique(**STUDENT, combine="confidence")  # type: ignore[arg-type]
    with pytest.raises(JobFailed, match="is for classes and tokens"):
        technique.build([net(0), net(1)], data, fit(data))


def test_layers_are_compared_with_one_teacher(tiny: Data) -> None:
    technique = distill.Technique(**STUDENT, losses=["relations"])  # type: ignore[arg-type]
    with pytest.raises(JobFailed, match="learn from one parent"):
        technique.build([net(0), net(1)], tiny.training, fit(tiny.training))


@pytest.mark.parametrize(("options", "is_once"), [({}, True), ({"shift_pixels": 1}, False)])
def test_what_asking_took_is_told_where_a_teacher_is_asked(
    tiny: Data, options: dict[str, Any], is_once: bool
) -> None:
    """Only there: what else runs a net over a split, to write with it say, is none of it."""
    given = fit(tiny.training)
    given.outputs(net(0), tiny.training.train)
    assert given.asking_seconds is None
    distill.Technique(**STUDENT, **options).build([net(0)], tiny.training, given)  # type: ignore[arg-type]
    assert given.asking_seconds is not None and (given.asking_seconds > 0) == is_once
