"""Teachers that know some of the classes only, and what they say together."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from compbench.contracts import TrainingData
from compbench.errors import JobFailed, shown
from compbench.training.share import labels

_RIDGE = 1e-12  # where a teacher is so sure that nothing bends
_ROUNDS, _STEP, _ENOUGH = 50, 2.0, 1e-6  # at most, and till no logarithm moves by more


def known(data: TrainingData, classes: Sequence[Sequence[str | int]], option: str) -> Tensor:
    """Which classes each teacher knows (K, classes), bool: those that are named, or all.

    Raises JobFailed where there is no such class, or where classes fall into groups of which no
    teacher knows members of both: nobody says which of them is likelier.
    """
    count = data.signature.outputs
    found = torch.zeros(len(classes), count, dtype=torch.bool)
    for row, names in enumerate(classes):
        found[row, labels(data, names, option) or [*range(count)]] = True
    together_with_first = torch.zeros(count, dtype=torch.bool)
    together_with_first[0] = True
    for _ in range(count):
        reached = found[(found & together_with_first).any(1)]
        together_with_first |= reached.any(0)
    if not together_with_first.all():
        apart = int((~together_with_first).nonzero()[0, 0])
        names = data.class_names or [*map(str, range(count))]
        raise JobFailed(
            f"{option}: no parent, nor a chain of them, compares the classes {shown(names[0])} and "
            f"{shown(names[apart])}: name one that knows all, []"
        )
    return found


def together(outputs: Tensor, weights: Tensor, knows: Tensor) -> Tensor:
    """What teachers (K, B, classes), logits, say together, by weights (K,): (B, classes), logits.

    The distribution q that minimises the sum over teachers of weight · KL(p ‖ q), p being what the
    teacher gives the classes that it knows (K, classes), and q what it gives these, both made to
    sum to 1: Hinton, Vinyals & Dean, arXiv:1503.02531, section 5.3, equation 5. Where all know all
    classes it is the mean of their probabilities.

    Where the sum is least, q of a class is what all give it by their weights, over the sum of λ of
    those that know it: one λ a teacher, its weight over what q gives to the classes that it knows.
    Their logarithms minimise a convex function in as many dimensions as there are teachers, by
    Newton's steps.
    """
    unknown = ~knows[:, None]  # (K, 1, classes)
    p = outputs.double().masked_fill(unknown, -torch.inf).softmax(-1)
    weights, knowing = weights.double(), knows.double()
    given = torch.einsum("k,kbc->bc", weights, p)
    logs = weights.log().repeat(given.shape[0], 1)  # of λ (B, K)
    held = torch.ones_like(knowing @ knowing.T) + _RIDGE * torch.eye(len(weights)).to(p)
    for _ in range(_ROUNDS):
        parts = logs.exp()[:, :, None] * knowing  # (B, K, classes)
        parts = parts / parts.sum(1, keepdim=True)
        shares = given[:, None] * parts
        slope = shares.sum(-1) - weights
        bend = torch.diag_embed(shares.sum(-1)) - shares @ parts.mT
        # moving all λ alike changes nothing: that direction is made to bend, where nothing pulls
        step = torch.linalg.solve(bend + held, slope).clamp(-_STEP, _STEP)
        logs = logs - step
        if step.abs().max() < _ENOUGH:
            break
    q = given / torch.einsum("bk,kc->bc", logs.exp(), knowing)
    return q.clamp_min(torch.finfo(torch.float32).tiny).log().to(outputs.dtype)
