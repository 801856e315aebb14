"""What a student can't learn is found before its teachers have learnt anything."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.make import rehearsal
from compbench.models import cnn, mlp
from compbench.techniques import distill

SMALL = {"name": "cnn", "channels": [4], "hidden": 8}
TEACHER = cnn.Model(channels=(4, 6), hidden=8)


def attempt(data: Data, teachers: int = 1, **options: Any) -> None:
    technique = distill.Technique(model=SMALL, **options)
    rehearsal.refuse_hopeless(technique, [TEACHER] * teachers, data.training)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"losses": ["attention"]},
        {"losses": ["contrastive", "relations"]},
        {"losses": [{"name": "hints", "layers": [["1", "1"]]}], "data_share": 0.01},
        {"without_classes": [1], "label_share": 0.1},
    ],
)
def test_what_can_be_learnt_passes_and_changes_nothing(tiny: Data, options: dict[str, Any]) -> None:
    before = {name: array.copy() for name, array in tiny.training.train.arrays.items()}
    attempt(tiny, **options)
    assert all((tiny.training.train.arrays[name] == array).all() for name, array in before.items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"losses": [{"name": "hints", "layers": [["1", "17"]]}]}, "the student: .* no layer '17'"),
        ({"losses": [{"name": "hints", "layers": [["x", "1"]]}]}, "the teacher: .* no layer 'x'"),
        ({"losses": [{"name": "attention", "layers": [["1", "2"]]}]}, "'attention'"),
        ({"losses": ["attention_maps"]}, "the teacher has no attention"),
        ({"without_classes": [0, 1, 2]}, "leave no sample"),
        ({"without_classes": ["cat"]}, "no class 'cat'"),
    ],
)
def test_what_can_not_be_learnt_is_told(tiny: Data, options: dict[str, Any], message: str) -> None:
    with pytest.raises(JobFailed, match=message):
        attempt(tiny, **options)


def test_classes_that_no_teacher_knows_are_told(tiny: Data) -> None:
    with pytest.raises(JobFailed, match="teacher_classes: no parent"):
        attempt(tiny, teachers=2, teacher_classes=[[0, 1], [0]])


def test_it_asks_the_teacher_for_a_few_samples_only(tiny: Data, monkeypatch: Any) -> None:
    """However many there are."""
    monkeypatch.setattr(rehearsal, "SAMPLES", 8)
    asked = []

    class Counting(torch.nn.Module):
        def __init__(self, net: torch.nn.Module):
            super().__init__()
            self.net = net

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            asked.append(len(pixels))
            return self.net(pixels)

    class Family(mlp.Model):
        def build(self, signature: Any) -> torch.nn.Module:
            return Counting(super().build(signature))

    technique = distill.Technique(model=SMALL, epochs=10_000)
    rehearsal.refuse_hopeless(technique, [Family()], tiny.training)
    assert 0 < sum(asked) <= 10
