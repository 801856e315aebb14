"""Parts of the training split: which samples are seen, and of which the targets are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from compbench.contracts import Batch, Split, TrainingData
from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.tasks import classification, regression
from compbench.techniques import distill, train
from compbench.training.loop import Fit
from compbench.training.losses import taught
from compbench.training.share import rows, share
from tests.nets import image_signature

SIGNATURE = image_signature(1, 2, 2, classes=3)


def data(counts: list[int]) -> TrainingData:
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts))
    split = Split({"pixels": np.zeros((len(labels), 1, 2, 2), np.uint8)}, labels)
    return TrainingData(split, split, classification.Task(), SIGNATURE, ("cat", "dog", "eel"))


def recipe(**options: Any) -> train.Technique:
    return train.Technique(model="mlp", epochs=1, **options)


@given(st.lists(st.integers(1, 40), min_size=2, max_size=3), st.floats(0.01, 1), st.floats(0.01, 1))
def test_a_share_is_of_each_class_and_within_a_larger_one(
    counts: list[int], one: float, other: float
) -> None:
    subject = data(counts)
    small, large = (share(subject, part) for part in sorted((one, other)))
    assert {*small} <= {*large}
    assert [*small] == sorted({*small})
    for label, count in enumerate(counts):
        kept = int((subject.train.targets[small] == label).sum())
        assert kept == max(1, round(min(one, other) * count))


def test_all_of_it_is_no_share() -> None:
    assert rows(data([5, 5, 5]), recipe()) is None
    assert [*share(data([5, 5]), 1)] == [*range(10)]


def test_classes_are_left_out_by_name_and_by_number() -> None:
    subject = data([9, 9, 9])
    left = rows(subject, recipe(without_classes=["dog", 2], data_share=0.5))
    assert left is not None
    assert {*subject.train.targets[left.numpy()]} == {0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"without_classes": ["dgo"]}, "there is no class 'dgo'; did you mean 'dog'?"),
        ({"without_classes": [3]}, "there is no class 3; known: cat, dog, eel"),
        ({"without_classes": [0, 1, 2]}, "leave no sample to train on"),
    ],
)
def test_classes_that_are_not_there_are_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(JobFailed) as error:
        rows(data([3, 3, 3]), recipe(**options))
    assert message in str(error.value)


def test_numbers_have_no_classes_to_leave_out() -> None:
    split = Split({"pixels": np.zeros((8, 1, 2, 2), np.uint8)}, np.zeros((8, 1), np.float32))
    subject = TrainingData(split, split, regression.Task(), SIGNATURE)
    assert len(share(subject, 0.5)) == 4
    with pytest.raises(JobFailed, match="have no one class each"):
        rows(subject, recipe(without_classes=[0]))


def test_a_training_sees_its_share_and_nothing_else(tiny: Data) -> None:
    seen: list[Tensor] = []

    def loss(outputs: Tensor, batch: Batch) -> Tensor:
        seen.append(batch.indices)
        return outputs.sum() * 0

    fit = Fit(tiny.training, 0, lambda epoch, total: None)
    one = recipe(data_share=0.25, batch_size=7)
    net = nn.Sequential(nn.Flatten(), nn.Linear(144, 3))
    fit(net, one, loss)
    expected = rows(tiny.training, one)
    assert expected is not None and len(expected) == 24
    assert torch.equal(torch.cat(seen).sort().values, expected)
    assert fit.samples_seen == 24


@pytest.mark.parametrize("shift_pixels", [0, 1])
def test_a_teacher_is_asked_for_the_share_alone(tiny: Data, shift_pixels: int) -> None:
    """Its answers are those of the samples, kept or not."""
    student = distill.Technique(
        model="mlp", data_share=0.25, hard_weight=0, soft_weight=1, shift_pixels=shift_pixels
    )
    torch.manual_seed(0)
    teacher = nn.Sequential(nn.Flatten(), nn.Linear(144, 3)).eval()
    fit = Fit(tiny.training, 0, lambda epoch, total: None)
    loss = taught(teacher, student, tiny.training, fit)
    here = rows(tiny.training, student)
    assert loss is not None and here is not None
    raw = tiny.training.train.take(here.numpy())
    pixels = torch.from_numpy(tiny.training.prepared(raw)["pixels"])
    batch = Batch({"pixels": pixels}, torch.from_numpy(tiny.training.train.targets)[here], here)
    assert float(loss(teacher(pixels), batch).detach()) == pytest.approx(0, abs=1e-5)


def test_targets_that_are_not_known_teach_nothing(tiny: Data) -> None:
    known = share(tiny.training, 0.5)
    by = distill.Technique(model="mlp", label_share=0.5, hard_weight=1, soft_weight=1e-9)
    teacher = nn.Sequential(nn.Flatten(), nn.Linear(144, 3)).eval()
    fit = Fit(tiny.training, 0, lambda epoch, total: None)
    loss = taught(teacher, by, tiny.training, fit)
    assert loss is not None
    count = len(tiny.training.train)
    targets, rows = torch.from_numpy(tiny.training.train.targets), torch.arange(count)
    outputs = torch.randn(count, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    loss(outputs, Batch({}, targets, rows)).backward()
    assert outputs.grad is not None
    learnt = outputs.grad.abs().sum(1) > 1e-6
    assert [*learnt.nonzero().flatten().tolist()] == [*known]
    alone = nn.functional.cross_entropy(outputs[known], targets[known], reduction="sum") / count
    found = loss(outputs.detach(), Batch({}, targets, rows))
    assert float(found) == pytest.approx(float(alone.detach()), abs=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data_share": 0}, "data_share"),
        ({"data_share": 1.5}, "data_share"),
        ({"label_share": 0}, "label_share"),
        ({"label_share": 0.5, "soft_weight": 0, "hard_weight": 1}, "data_share leaves them out"),
        ({"label_share": 0.5, "losses": ["decoupled"]}, "which the loss 'decoupled' needs"),
    ],
)
def test_shares_that_mean_nothing_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        distill.Technique(model="mlp", **options)
