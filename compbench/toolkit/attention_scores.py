"""Scores of attention from what its queries and keys give, and how two nets' differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

from compbench.contracts import Glimpse
from compbench.contracts.inputs import MASK

if TYPE_CHECKING:
    from torch import Tensor, nn

# what libraries call the layers of queries and keys, and the number of heads
_LAYERS = (
    ("queries", "keys"),
    ("query", "key"),
    ("q_proj", "k_proj"),
    ("q_lin", "k_lin"),
    ("to_q", "to_k"),
    ("wq", "wk"),
    ("q", "k"),
)
_HEADS = ("heads", "num_heads", "n_heads", "num_attention_heads", "n_head", "nhead")


@dataclass(frozen=True)
class Layers:
    """The paths of an attention's layers, and its number of heads."""

    queries: str
    keys: str
    heads: int


def layers(net: nn.Module) -> list[Layers]:
    """Attentions whose queries and keys are linear layers of one width, in the net's order."""
    from torch import nn

    found = []
    for path, module in net.named_modules():
        children = dict(module.named_children())
        for names in _LAYERS:
            both = [children.get(name) for name in names]
            heads = next((n for h in _HEADS if isinstance(n := getattr(module, h, None), int)), 0)
            if not heads or not all(isinstance(one, nn.Linear) for one in both):
                continue
            if len({one.out_features for one in both if isinstance(one, nn.Linear)}) == 1:
                queries, keys = (f"{path}.{name}".lstrip(".") for name in names)
                found.append(Layers(queries, keys, heads))
    return found


@dataclass(frozen=True)
class Difference:
    """Mean squared differences of two nets' scores, and the mean over pairs of attentions.

    `heads` are the teacher's and the student's of each pair; a batch's layers come as queries, keys
    of each.
    """

    heads: Sequence[tuple[int, int]]

    def __call__(self, seen: Glimpse) -> Tensor:
        """A scalar."""
        from torch import stack

        weights = _weights(seen)
        found = []
        for place, heads in enumerate(self.heads):
            queries, keys = seen.layers[2 * place : 2 * place + 2]
            both = [_scores(q, k, h) for q, k, h in zip(queries, keys, heads, strict=True)]
            if heads[0] != heads[1]:
                both = [scores.mean(1, keepdim=True) for scores in both]
            squares = (both[1] - both[0]).pow(2).mean(1)  # (B, L, L)
            found.append((squares * weights).sum() / weights.expand_as(squares).sum())
        return stack(found).mean()


def _scores(queries: Tensor, keys: Tensor, heads: int) -> Tensor:
    """(B, L, W) both -> (B, heads, L, L)."""
    both = [x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (queries, keys)]
    return both[0] @ both[1].transpose(-1, -2) / sqrt(both[0].shape[-1])


def _weights(seen: Glimpse) -> Tensor:
    """(B, L, L), or what becomes that: 1 where both places have a token, else 0."""
    mask = seen.batch.inputs.get(MASK)
    if mask is None or mask.shape != seen.layers[0][0].shape[:2]:
        return seen.layers[0][0].new_ones(1, 1, 1)
    there = mask.to(seen.student.dtype)
    return there[:, :, None] * there[:, None]
