"""What every task promises, and each one's formulas beside another formulation of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as sklearn
from torch.nn import functional

from compbench.contracts import TaskBase
from compbench.contracts.kinds import made_task
from compbench.registry import registry
from compbench.tasks import classification, multi_label, next_token, regression

SAMPLES, OUTPUTS, LENGTH = 12, 5, 4
RANDOM = np.random.default_rng(0)


def _tokens() -> NDArray[Any]:
    found = RANDOM.integers(0, OUTPUTS, (SAMPLES, LENGTH))
    found[::3, 2:] = next_token.IGNORED
    return found


@dataclass(frozen=True)
class Example:
    """A task, targets of it, and a perfect answer to them."""

    task: TaskBase
    targets: NDArray[Any]
    perfect: Callable[[NDArray[Any]], NDArray[Any]]

    @property
    def outputs(self) -> NDArray[np.float32]:
        shape = self.task.output_shape(self.targets, OUTPUTS)
        return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def _sure(labels: NDArray[Any]) -> NDArray[Any]:
    return 50 * np.eye(OUTPUTS)[np.maximum(labels, 0)]


LABELS = RANDOM.integers(0, OUTPUTS, SAMPLES)
SEVERAL = RANDOM.integers(0, 2, (SAMPLES, OUTPUTS))
EXAMPLES = {
    "classification": Example(classification.Task(), LABELS, _sure),
    "multi_label": Example(multi_label.Task(), SEVERAL, lambda wanted: 100 * wanted - 50),
    "exact match": Example(
        multi_label.Task(metric="exact_match"), SEVERAL, lambda wanted: 100 * wanted - 50
    ),
    "regression": Example(
        regression.Task(), RANDOM.normal(size=(SAMPLES, OUTPUTS)).astype(np.float32), np.copy
    ),
    "next_token": Example(next_token.Task(), _tokens(), _sure),
}
of_all = pytest.mark.parametrize("one", EXAMPLES.values(), ids=EXAMPLES)


def test_all_tasks_are_here() -> None:
    assert {*registry.names("task")} <= {*EXAMPLES}


@of_all
def test_targets_and_scores_have_the_shapes_that_are_promised(one: Example) -> None:
    assert one.task.wrong_targets(one.targets, OUTPUTS) is None
    scores = one.task.scores(one.outputs, one.targets)
    assert scores.shape == (SAMPLES,)
    assert (scores.dtype == np.uint8) is one.task.headline.has_binary_scores
    each = [
        one.task.scores(one.outputs[i : i + 1], one.targets[i : i + 1])[0] for i in range(SAMPLES)
    ]
    np.testing.assert_allclose(scores, each, rtol=1e-6)


@of_all
def test_nothing_is_better_than_a_perfect_answer(one: Example) -> None:
    perfect = one.perfect(one.targets).astype(np.float32)
    headline = one.task.headline
    best = headline.value(one.task.scores(perfect, one.targets))
    assert best == pytest.approx(1 if headline.better == "higher" else 0, abs=1e-6)
    blind = one.task.blind_scores(one.targets, OUTPUTS)
    assert blind is not None and blind.shape == (SAMPLES,)
    for worse in (one.task.scores(one.outputs, one.targets), blind):
        assert headline.gain(headline.value(worse) - best) < 0
    np.testing.assert_allclose(one.task.agreement(perfect, perfect), np.ones(SAMPLES))
    assert one.task.agreement(perfect, one.outputs).mean() < 1


@of_all
@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_a_student_that_says_what_its_teacher_says_has_nothing_to_learn(
    one: Example, temperature: float
) -> None:
    teacher = torch.from_numpy(one.outputs)
    same = teacher.clone().requires_grad_()
    loss = one.task.imitation(teacher, same, temperature)
    assert loss.item() == pytest.approx(0, abs=1e-6)
    loss.backward()
    assert same.grad is not None and same.grad.abs().max() < 1e-6
    other = (teacher + torch.randn(teacher.shape)).requires_grad_()
    loss = one.task.imitation(teacher, other, temperature)
    loss.backward()
    assert loss.item() > 0 and other.grad is not None and other.grad.abs().max() > 0
    order = torch.randperm(SAMPLES)
    mixed = one.task.imitation(teacher[order], other[order], temperature)
    assert mixed.item() == pytest.approx(loss.item(), rel=1e-5)


@of_all
def test_the_loss_has_gradients_and_a_perfect_answer_the_least(one: Example) -> None:
    targets = torch.from_numpy(one.targets)
    outputs = torch.from_numpy(one.outputs).requires_grad_()
    loss = one.task.loss(outputs, targets)
    loss.backward()
    assert outputs.grad is not None and outputs.grad.abs().max() > 0
    perfect = torch.from_numpy(one.perfect(one.targets).astype(np.float32))
    assert 0 <= one.task.loss(perfect, targets).item() < 1e-6 < loss.item()


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_smoothed_labels_are_those_of_the_paper(smoothing: float) -> None:
    """Szegedy et al., section 7: q = (1 - ε) δ + ε / K."""
    task = made_task("classification", {"label_smoothing": smoothing})
    outputs = torch.from_numpy(EXAMPLES["classification"].outputs)
    wanted = (1 - smoothing) * torch.eye(OUTPUTS)[LABELS] + smoothing / OUTPUTS
    expected = -(wanted * functional.log_softmax(outputs, 1)).sum(1).mean()
    assert task.loss(outputs, torch.from_numpy(LABELS)).item() == pytest.approx(expected.item())


@given(st.integers(0, 10_000), st.integers(1, 8), st.booleans())
def test_average_precision_is_scikit_learn_s(seed: int, labels: int, has_equals: bool) -> None:
    random = np.random.default_rng(seed)
    outputs = random.normal(size=(20, labels)).astype(np.float32)
    outputs = outputs.round() if has_equals else outputs
    targets = random.integers(0, 2, (20, labels))
    found = multi_label.average_precision(outputs, targets)
    expected = sklearn.label_ranking_average_precision_score(targets, outputs)
    assert found.mean() == pytest.approx(expected)


def test_exact_match_counts_samples_with_every_label_right() -> None:
    task = multi_label.Task(metric="exact_match")
    outputs = np.array([[1, -1], [1, 1], [-1, -1]], np.float32)
    assert task.scores(outputs, np.array([[1, 0], [1, 0], [0, 0]])).tolist() == [1, 0, 1]


def test_bits_per_token_are_torch_s_cross_entropy_without_padding() -> None:
    one = EXAMPLES["next_token"]
    scores = one.task.scores(one.outputs, one.targets)
    for score, outputs, targets in zip(scores, one.outputs, one.targets, strict=True):
        nats = functional.cross_entropy(
            torch.from_numpy(outputs), torch.from_numpy(targets), ignore_index=next_token.IGNORED
        )
        assert score == pytest.approx(nats.item() / np.log(2), rel=1e-6)
    padded = one.outputs.copy()
    padded[one.targets == next_token.IGNORED] = 1e3
    np.testing.assert_array_equal(one.task.scores(padded, one.targets), scores)
    blind = one.task.blind_scores(one.targets, OUTPUTS)
    assert blind is not None and blind[0] == pytest.approx(np.log2(OUTPUTS))


def test_regression_s_figures_are_scikit_learn_s() -> None:
    one = EXAMPLES["regression"]
    found = one.task.headline.value(one.task.scores(one.outputs, one.targets))
    expected = sklearn.mean_squared_error(one.targets, one.outputs) ** 0.5
    assert found == pytest.approx(expected)
    further = one.task.further_scores(one.outputs, one.targets)
    assert further == {"r_squared": pytest.approx(sklearn.r2_score(one.targets, one.outputs))}
    flat = np.ones_like(one.targets)
    assert one.task.further_scores(one.outputs, flat) == {}, "nothing varies"


WRONG = {
    "a column of labels": ("classification", LABELS[:, None], "should be (N,): labels[:, 0]"),
    "labels that are floats": ("classification", LABELS.astype(float), "should be integers"),
    "a label too many": ("classification", LABELS + 1, "not all in 0 to 4"),
    "a label too few": ("multi_label", SEVERAL[:, 1:], "a column a label"),
    "no label": ("multi_label", 2 * SEVERAL, "should be 0 or 1"),
    "an output too few": ("regression", np.zeros((3, 4), np.float32), "should be (N, 5)"),
    "whole numbers": ("regression", np.zeros((3, 5), int), "should be float32"),
    "no number": ("regression", np.full((3, 5), np.nan, np.float32), "target 0 is not a number"),
    "a token a sample": ("next_token", LABELS, "should be int64 (N, L)"),
    "a token too many": ("next_token", np.full((2, 3), 5), "not all in 0 to 4"),
    "padding alone": ("next_token", np.full((2, 3), -100), "sample 0 has no token to tell"),
}


@pytest.mark.parametrize(("name", "targets", "message"), WRONG.values(), ids=WRONG)
def test_wrong_targets_are_told(name: str, targets: NDArray[Any], message: str) -> None:
    said = EXAMPLES[name].task.wrong_targets(targets, OUTPUTS)
    assert said is not None and message in said and len(said) < 120


def test_parts_of_a_padded_batch_have_the_gradients_of_the_whole() -> None:
    """A sample with few tokens to tell counts as much as one with many, as in the scores."""
    torch.manual_seed(0)
    task, targets = next_token.Task(), torch.randint(0, 5, (4, 9))
    targets[0, 1:], targets[2, 4:] = next_token.IGNORED, next_token.IGNORED
    outputs = torch.randn(4, 9, 5, requires_grad=True)
    task.loss(outputs, targets).backward()
    whole, outputs.grad = outputs.grad, None
    for part in (slice(0, 1), slice(1, 4)):
        share = (part.stop - part.start) / 4
        (share * task.loss(outputs[part], targets[part])).backward()
    torch.testing.assert_close(outputs.grad, whole)
    scores = task.scores(outputs.detach().numpy(), targets.numpy())
    loss = float(task.loss(outputs, targets).detach())
    assert scores.mean() * np.log(2) == pytest.approx(loss, rel=1e-5)


def test_many_labels_are_scored_part_by_part() -> None:
    random = np.random.default_rng(0)
    outputs = random.normal(size=(600, 5)).astype(np.float32)
    targets = random.integers(0, 2, (600, 5))
    parts = zip(np.split(outputs, 600), np.split(targets, 600), strict=True)
    alone = [multi_label.average_precision(*part)[0] for part in parts]
    assert np.array_equal(multi_label.average_precision(outputs, targets), alone)
