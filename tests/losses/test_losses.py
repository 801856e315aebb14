"""Every loss, found by its file: a new one is tested without a new line."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from compbench.contracts import (
    Batch,
    Glimpse,
    Input,
    LossBase,
    Net,
    Signature,
    Split,
    TrainingData,
    kinds,
)
from compbench.contracts.inputs import MASK, TOKENS
from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.models import cnn, transformer
from compbench.registry import registry
from compbench.tasks import classification
from compbench.techniques import distill
from compbench.toolkit.contrast import Contrast
from compbench.training.distillation import Distillation, learning
from compbench.training.loop import Fit
from compbench.training.teacher import Teacher
from tests.nets import image_signature

NAMES = registry.names("loss")
SIGNATURE = image_signature(1, 12, 12)
RECIPE = distill.Technique(model="mlp", shift_pixels=1, hard_weight=0)


def net(seed: int, channels: tuple[int, ...] = (8, 16)) -> nn.Module:
    torch.manual_seed(seed)
    return cnn.Model(channels=channels, hidden=16).build(SIGNATURE)


TEXTS = Signature({one: Input("int64", (6,), values=20) for one in (TOKENS, MASK)}, 3)


def text_net(seed: int, width: int = 8) -> nn.Module:
    torch.manual_seed(seed)
    return transformer.Model(layers=2, width=width, heads=2).build(TEXTS)


@pytest.fixture(scope="module")
def texts() -> Data:
    random = np.random.default_rng(0)
    lengths = random.integers(2, 7, (32, 1))
    arrays = {TOKENS: random.integers(20, size=(32, 6)), MASK: 1 * (np.arange(6) < lengths)}
    split = Split(arrays, np.arange(32) % 3)
    return Data(TrainingData(split, split, classification.Task(), TEXTS), split)


@dataclass(frozen=True)
class Subject:
    """A loss, on nets and data that it can be used with."""

    loss: LossBase
    data: Data
    teacher: nn.Module
    student: nn.Module

    @contextmanager
    def learning(self, student: nn.Module | None = None) -> Iterator[Distillation]:
        data, student = self.data.training, student or self.student
        asked = Teacher(self.teacher, fit(self.data))
        with learning(asked, student, [self.loss], RECIPE, data, fit(self.data)) as found:
            yield found


@pytest.fixture(params=NAMES)
def subject(request: pytest.FixtureRequest, tiny: Data, texts: Data) -> Subject:
    """Of each loss: of images where it can compare them, else of texts."""
    loss = made(request.param)
    images = Subject(loss, tiny, net(0).eval(), net(1, (4, 8)))
    try:
        with images.learning():
            return images
    except JobFailed:
        return Subject(loss, texts, text_net(0).eval(), text_net(1, 4))


def made(name: str, **options: Any) -> LossBase:
    return kinds.find("loss", name)(**options)  # pyright: ignore[reportReturnType]


def fit(data: Data) -> Fit:
    return Fit(data.training, 0, lambda epoch, total: None)


def batch(data: Data, rows: Tensor) -> Batch:
    """The training samples at these rows."""
    samples = data.training.train.take(rows.numpy())
    prepared = data.training.prepared(samples)
    inputs = {name: torch.from_numpy(array.copy()) for name, array in prepared.items()}
    return Batch(inputs, torch.from_numpy(data.training.train.targets[rows.numpy()]), rows)


def value(loss: Distillation, student: nn.Module, seen: Batch) -> Tensor:
    return loss(student(*seen.inputs.values()), seen)


@pytest.mark.parametrize("name", NAMES)
def test_each_says_what_it_is_and_imports_no_torch(name: str) -> None:
    plugin = kinds.find("loss", name)
    assert plugin.__doc__ and "arXiv" in plugin.__doc__
    for option, field in plugin.model_fields.items():
        assert field.description, option


def test_none_imports_torch_before_it_is_used() -> None:
    code = (
        "import sys; from compbench.contracts import kinds\n"
        f"for name in {NAMES}: kinds.find('loss', name)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_student_that_is_its_teacher_has_the_least_loss(subject: Subject) -> None:
    loss, student = subject.loss, copy.deepcopy(subject.teacher)
    if loss.least is None:
        pytest.skip("what it gives then depends on the samples")
    with subject.learning(student) as found:
        found_value = value(found, student, batch(subject.data, torch.arange(16)))
        assert float(found_value.detach()) == pytest.approx(loss.least, abs=1e-5 * loss.weight)
        found_value.backward()
    for weight in student.parameters():
        if weight.grad is not None:
            assert float(weight.grad.abs().max()) < 1e-3 * loss.weight


def test_another_net_has_more_and_learns_alone(subject: Subject) -> None:
    """The gradients reach the student, and what the loss learns itself; never the teacher."""
    teacher, student = subject.teacher, subject.student
    before = copy.deepcopy(teacher.state_dict())
    with subject.learning() as found:
        found_value = value(found, student, batch(subject.data, torch.arange(16)))
        assert found_value.ndim == 0
        assert float(found_value.detach()) > (subject.loss.least or 0)
        found_value.backward()
        own = [*found.parameters()]
    assert any(w.grad is not None and w.grad.abs().max() > 0 for w in student.parameters())
    assert all(w.grad is not None and w.grad.isfinite().all() for w in own)
    assert all(w.grad is None for w in teacher.parameters())
    assert all(torch.equal(before[key], now) for key, now in teacher.state_dict().items())
    assert not any(layer._forward_hooks for layer in student.modules())


def test_the_order_of_a_batch_is_of_no_matter(subject: Subject) -> None:
    seen, rows = [], torch.arange(16)
    for order in (rows, rows.flip(0)):
        torch.manual_seed(3)
        with subject.learning() as found:
            torch.manual_seed(4)
            student = subject.student.eval()
            seen.append(float(value(found, student, batch(subject.data, order)).detach()))
    assert seen[0] == pytest.approx(seen[1], rel=1e-4)


@pytest.mark.parametrize("rows", [[0], [5, 5]])
def test_one_sample_gives_a_number(subject: Subject, rows: list[int]) -> None:
    """An epoch's last part may have a single one; nor do two that are alike give none."""
    with subject.learning() as found:
        found_value = value(found, subject.student, batch(subject.data, torch.tensor(rows)))
        found_value.backward()
    assert found_value.isfinite()
    grads = [w.grad for w in subject.student.parameters() if w.grad is not None]
    assert all(grad.isfinite().all() for grad in grads)


# each loss once more, written from its paper in numpy and loops


def of_logits(name: str, teacher: Tensor, student: Tensor, labels: Tensor, **options: Any) -> float:
    data = TrainingData.__new__(TrainingData)
    object.__setattr__(data, "task", kinds.made_task("classification"))
    seen = Glimpse(teacher, student, Batch({}, labels, torch.arange(len(labels))))
    nets = Net(nn.Identity(), ()), Net(nn.Identity(), ())
    return float(made(name, **options).begin(seen, nets, data)(seen))


def softened(logits: Tensor, temperature: float) -> np.ndarray:
    e = np.exp(logits.double().numpy() / temperature)
    return e / e.sum(1, keepdims=True)


@pytest.fixture
def logits() -> tuple[Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(5)
    teacher, student = (3 * torch.randn(7, 5, generator=g) for _ in range(2))
    return teacher, student, torch.randint(5, (7,), generator=g)


def test_soft_is_hintons(logits: tuple[Tensor, Tensor, Tensor]) -> None:
    teacher, student, labels = logits
    p, q = softened(teacher, 3), softened(student, 3)
    expected = 9 * (p * np.log(p / q)).sum(1).mean()
    assert of_logits("soft", teacher, student, labels, temperature=3) == pytest.approx(expected)


def test_decoupled_is_zhaos(logits: tuple[Tensor, Tensor, Tensor]) -> None:
    teacher, student, labels = logits
    p, q = softened(teacher, 2), softened(student, 2)
    total = 0.0
    for one, other, label in zip(p, q, labels, strict=True):
        right, wrong = (1 - one[label], 1 - other[label])
        total += 0.5 * one[label] * np.log(one[label] / other[label])
        total += 0.5 * right * np.log(right / wrong)
        rest, rest_of_student = (np.delete(x, label) for x in (one, other))
        rest, rest_of_student = rest / rest.sum(), rest_of_student / rest_of_student.sum()
        total += 3 * (rest * np.log(rest / rest_of_student)).sum()
    found = of_logits("decoupled", teacher, student, labels, temperature=2, alpha=0.5, beta=3)
    assert found == pytest.approx(4 * total / 7)


def test_decoupled_with_the_teachers_doubt_as_weight_is_plain_distillation() -> None:
    """Section 3.1: KL = KL of the target + (1 - p of the label) · KL of the others."""
    teacher = torch.tensor([[1.0, 2.0, 0.5]])
    student, labels = torch.tensor([[0.3, 0.1, 0.9]]), torch.tensor([1])
    doubt = 1 - float(teacher.softmax(1)[0, 1])
    plain = of_logits("soft", teacher, student, labels, temperature=1)
    options = {"temperature": 1, "alpha": 1, "beta": doubt}
    assert of_logits("decoupled", teacher, student, labels, **options) == pytest.approx(plain)


def test_distribution_is_huangs(logits: tuple[Tensor, Tensor, Tensor]) -> None:
    teacher, student, labels = logits
    p, q = softened(teacher, 2), softened(student, 2)
    rows = np.mean([1 - np.corrcoef(p[i], q[i])[0, 1] for i in range(7)])
    columns = np.mean([1 - np.corrcoef(p[:, i], q[:, i])[0, 1] for i in range(5)])
    found = of_logits("distribution", teacher, student, labels, temperature=2, inter=1.5, intra=0.5)
    assert found == pytest.approx(4 * (1.5 * rows + 0.5 * columns), rel=1e-5)


def measured(name: str, teacher: Tensor, student: Tensor, **options: Any) -> float:
    loss: Any = made(name, **options)
    return float(loss.measure(teacher, student)(teacher, student))


@pytest.fixture
def maps() -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(6)
    return torch.randn(3, 4, 2, 5, generator=g), torch.randn(3, 6, 2, 5, generator=g)


def test_attention_is_zagoruykos(maps: tuple[Tensor, Tensor]) -> None:
    teacher, student = (x.double().numpy() for x in maps)
    total = 0.0
    for one, other in zip(teacher, student, strict=True):
        a, b = ((x**2).sum(0).ravel() for x in (one, other))
        total += ((a / np.linalg.norm(a) - b / np.linalg.norm(b)) ** 2).mean()
    assert measured("attention", *maps) == pytest.approx(total / 3, rel=1e-5)


def test_hints_of_one_width_are_half_the_squared_difference(maps: tuple[Tensor, Tensor]) -> None:
    one, other = maps[0], maps[1][:, :4]
    expected = 0.5 * float(((one - other) ** 2).mean())
    assert measured("hints", one, other) == pytest.approx(expected)


def test_relations_are_parks() -> None:
    g = torch.Generator().manual_seed(7)
    teacher, student = torch.randn(5, 4, generator=g), torch.randn(5, 3, generator=g)

    def distances(points: np.ndarray) -> np.ndarray:
        found = np.array([[np.linalg.norm(a - b) for b in points] for a in points])
        return found / found[found > 0].mean()

    def angles(points: np.ndarray) -> np.ndarray:
        found = np.zeros((5, 5, 5))
        for j in range(5):
            for i in range(5):
                for k in range(5):
                    a, b = points[i] - points[j], points[k] - points[j]
                    if i != j and k != j:
                        found[j, i, k] = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        return found

    def huber(one: np.ndarray, other: np.ndarray) -> float:
        gap = np.abs(one - other)
        return float(np.where(gap <= 1, gap**2 / 2, gap - 0.5).mean())

    points = [x.double().numpy() for x in (teacher, student)]
    expected = 25 * huber(*map(distances, points)) + 50 * huber(*map(angles, points))
    assert measured("relations", teacher, student) == pytest.approx(expected, rel=1e-4)


def test_contrastive_is_tians() -> None:
    torch.manual_seed(8)
    labels = np.array([0, 1, 0, 1, 2, 2])
    contrast = Contrast((4, 3), 5, 6, labels)
    contrast.negatives, contrast.temperature, contrast.momentum = 9, 0.5, 0.25
    teacher, student = torch.randn(2, 4), torch.randn(2, 3)
    memories = [m.numpy().copy() for m in (contrast.of_teacher, contrast.of_student)]
    rows = torch.tensor([3, 4])
    seen = Glimpse(teacher, student, Batch({}, rows, rows), [(teacher, student)])
    torch.manual_seed(9)
    found = float(contrast(seen).detach())
    torch.manual_seed(9)
    drawn = torch.randint(6, (9,)).numpy()

    def unit(x: np.ndarray) -> np.ndarray:
        return x / np.linalg.norm(x, axis=-1, keepdims=True)

    with torch.no_grad():
        embeddings = [
            unit(learnt(x).numpy())
            for learnt, x in zip(contrast.maps, (teacher, student), strict=True)
        ]
    total = 0.0
    for own, memory in ((embeddings[1], memories[0]), (embeddings[0], memories[1])):
        scale = np.exp(own @ memory[drawn].T / 0.5).mean() * 6
        for place, row in enumerate(rows.tolist()):
            h = np.exp(own[place] @ memory[row] / 0.5) / scale
            total -= np.log(h / (h + 9 / 6))
            for other in drawn:
                h = np.exp(own[place] @ memory[other] / 0.5) / scale
                if labels[other] != labels[row]:
                    total -= np.log((9 / 6) / (h + 9 / 6))
    assert found == pytest.approx(total / 2, rel=1e-4)
    for before, now, own in zip(
        memories, (contrast.of_teacher, contrast.of_student), embeddings, strict=True
    ):
        expected = before.copy()
        expected[[3, 4]] = unit(0.25 * before[[3, 4]] + 0.75 * own)
        np.testing.assert_allclose(now.numpy(), expected, atol=1e-6)


def test_attention_maps_are_jiaos(texts: Data) -> None:
    """Between the places that have a token."""
    teacher, student = text_net(0).eval(), text_net(1, 4).eval()
    loss, seen = made("attention_maps"), batch(texts, torch.arange(4))
    asked = Teacher(teacher, fit(texts))
    with learning(asked, student, [loss], RECIPE, texts.training, fit(texts)) as found:
        result = float(value(found, student, seen).detach())

    def scores(net: Any, block: int) -> list[np.ndarray]:
        """(L, L) of each sample and head."""
        tokens, mask = seen.inputs[TOKENS], seen.inputs[MASK]
        x = net.embedding(tokens) + net.places
        for each in net.blocks[:block]:
            x = each(x, (1 - mask.float())[:, None, None] * -1e4)
        attention = net.blocks[block].attention
        x = net.blocks[block].before_attention(x)
        q, k = (f(x).detach().double().numpy() for f in (attention.queries, attention.keys))
        half = q.shape[-1] // 2
        heads = [slice(0, half), slice(half, 2 * half)]
        return [
            np.array([a[:, h] @ b[:, h].T / half**0.5 for h in heads])
            for a, b in zip(q, k, strict=True)
        ]

    gaps = []
    for block in range(2):
        of_block = []
        for one, other, mask in zip(
            scores(teacher, block), scores(student, block), seen.inputs[MASK], strict=True
        ):
            there = mask.numpy() == 1
            of_block += [*((one - other) ** 2)[:, there][:, :, there].ravel()]
        gaps.append(np.mean(of_block))
    assert result == pytest.approx(float(np.mean(gaps)), rel=1e-4)


def test_hidden_states_of_one_width_are_compared_as_they_are() -> None:
    g = torch.Generator().manual_seed(6)
    one, other = (torch.randn(3, 5, 4, generator=g) for _ in range(2))
    assert measured("hidden", one, other) == pytest.approx(float(((one - other) ** 2).mean()))


def test_projections_learn_and_are_not_in_the_student(tiny: Data) -> None:
    technique = distill.Technique(
        model={"name": "cnn", "channels": [4, 8], "hidden": 8},
        losses=["hints", "contrastive"],  # type: ignore[arg-type]
        epochs=1,
    )
    learnt: list[dict[str, Tensor]] = []

    class Watched(Fit):
        def __call__(
            self,
            model: Any,
            recipe: Any,
            loss: Any = None,
            after_step: Any = None,
            samples: Any = None,
        ) -> Any:
            learnt.append({name: p.detach().clone() for name, p in loss.named_parameters()})
            result = super().__call__(model, recipe, loss, after_step, samples)
            learnt.append({name: p.detach().clone() for name, p in loss.named_parameters()})
            return result

    watched = Watched(tiny.training, 0, lambda epoch, total: None)
    student = technique.build([net(0).eval()], tiny.training, watched)
    plain = technique.model.build(tiny.training.signature)
    assert student.state_dict().keys() == plain.state_dict().keys()
    before, after = learnt
    assert before and all(not torch.equal(before[name], after[name]) for name in before)
    assert any("compares layers of the teacher and of the student" in x for x in watched.notes)
    assert functional.softmax(student(*watched.example(student)), 1).isfinite().all()
