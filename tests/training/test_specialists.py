"""Teachers that know some of the classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from torch import Tensor, nn

from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.techniques import distill
from compbench.training import specialists
from compbench.training.loop import Fit

ALL = [True] * 4


def logits(teachers: int, seed: int, samples: int = 3) -> Tensor:
    return 3 * torch.randn(teachers, samples, 4, generator=torch.Generator().manual_seed(seed))


def said(outputs: Tensor, weights: list[float], knows: list[list[bool]]) -> Tensor:
    found = specialists.together(outputs, torch.tensor(weights), torch.tensor(knows))
    assert found.dtype == outputs.dtype
    return found.softmax(-1)


def test_alone_or_twice_one_that_knows_all_is_itself() -> None:
    one = logits(1, 0)
    for count in (1, 2):
        found = said(one.repeat(count, 1, 1), [1.0] * count, [ALL] * count)
        torch.testing.assert_close(found, one[0].softmax(-1), rtol=1e-4, atol=1e-6)


def test_of_all_that_know_all_it_is_the_mean_of_their_probabilities() -> None:
    outputs = logits(2, 1)
    wanted = 0.75 * outputs[0].softmax(-1) + 0.25 * outputs[1].softmax(-1)
    torch.testing.assert_close(said(outputs, [3, 1], [ALL, ALL]), wanted, rtol=1e-4, atol=1e-6)


def test_a_specialist_that_says_the_same_changes_nothing_and_its_other_outputs_do_not_count() -> (
    None
):
    one = logits(1, 2)[0]
    special = one.clone()
    special[:, :2] += 5  # the same among themselves
    special[:, 2:] = torch.randn(3, 2) * 50
    knows = [ALL, [True, True, False, False]]
    found = said(torch.stack([one, special]), [1, 1], knows)
    torch.testing.assert_close(found, one.softmax(-1), rtol=1e-3, atol=1e-5)


@given(
    seed=st.integers(0, 10_000),
    weights=st.lists(st.floats(0.2, 5), min_size=3, max_size=3),
    own=st.lists(st.booleans(), min_size=4, max_size=4).filter(lambda known: sum(known) > 1),
)
def test_it_is_the_nearest_to_all(seed: int, weights: list[float], own: list[bool]) -> None:
    """Against a general minimiser of the sum of divergences as the paper writes it."""
    outputs, knows = logits(3, seed, samples=1), [ALL, own, [False, True, True, False]]

    def apart(z: Any) -> float:
        total = 0.0
        for one, weight, known in zip(outputs[:, 0].double().numpy(), weights, knows, strict=True):
            p = np.exp(one[known]) / np.exp(one[known]).sum()
            q = np.exp(z[known]) / np.exp(z[known]).sum()
            total += weight * float((p * np.log(p / q)).sum())
        return total

    found = said(outputs, weights, knows)[0].double().numpy()
    best = minimize(apart, np.zeros(4), method="BFGS", options={"gtol": 1e-8})
    assert apart(np.log(found)) <= best.fun + 1e-4


def net(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(144, 3)).eval()


def build(tiny: Data, **options: Any) -> nn.Module:
    technique = distill.Technique(model="mlp", epochs=1, **options)
    torch.manual_seed(3)
    fit = Fit(tiny.training, 0, lambda epoch, total: None)
    return technique.build([net(0), net(1)], tiny.training, fit)


def test_a_student_learns_from_a_generalist_and_a_specialist(tiny: Data) -> None:
    one = build(tiny, teacher_classes=[[], [0, 1]])
    other = build(tiny, teacher_classes=[[], [1, 2]])
    plain = build(tiny)
    assert not any(
        torch.equal(a, b)
        for a, b in zip(one.parameters(), other.parameters(), strict=True)
        if a.ndim > 1
    )
    assert not all(map(torch.equal, one.parameters(), plain.parameters()))


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([[0, 1], [2]], "no parent, nor a chain of them, compares the classes '0' and '2'"),
        ([[0, 1], [0, 1]], "compares the classes '0' and '2': name one that knows all"),
        ([[], [3]], r"teacher_classes: there is no class 3"),
        ([[], ["cat"]], r"teacher_classes: there is no class 'cat'"),
    ],
)
def test_classes_that_are_not_there_or_not_compared_are_told(
    tiny: Data, classes: Any, message: str
) -> None:
    with pytest.raises(JobFailed, match=message):
        build(tiny, teacher_classes=classes)


def test_chains_of_specialists_compare_all(tiny: Data) -> None:
    found = specialists.known(tiny.training, [[0, 1], [1, 2]], "teacher_classes")
    assert found.tolist() == [[True, True, False], [False, True, True]]


@pytest.mark.parametrize(
    ("options", "parents", "message"),
    [
        ({"teacher_classes": [[], [1]]}, 3, "has 2 teacher_classes for 3 parents"),
        ({"teacher_classes": [[]]}, 1, "has teacher_classes for one parent"),
        ({"teacher_classes": [[], [1]], "combine": "random"}, 2, "beside teacher_classes"),
    ],
)
def test_what_does_not_fit_the_parents_is_told(
    options: dict[str, Any], parents: int, message: str
) -> None:
    problem = distill.Technique(model="mlp", **options).problem(parents)
    assert problem is not None and message in problem


def test_teachers_that_are_sure_of_different_classes_give_finite_logits() -> None:
    sure = 1e4 * torch.eye(4)[:3][None].repeat(2, 1, 1)
    sure[1] = sure[1].flip(0)
    found = specialists.together(
        sure, torch.ones(2), torch.tensor([ALL, [False, True, True, True]])
    )
    assert torch.isfinite(found).all()
    assert found[0].argmax() == 0  # of which the specialist knows nothing
