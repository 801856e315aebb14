"""A loss over pairs of layers, with what it learns of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from compbench.contracts import Glimpse

Measure = Callable[[Tensor, Tensor], Tensor]


class PairMean(nn.Module):
    """The mean of a measure for each pair; measures that are modules are learnt."""

    def __init__(self, measures: Sequence[Measure]):
        super().__init__()
        self._measures = [*measures]
        self.learnt = nn.ModuleList(one for one in measures if isinstance(one, nn.Module))

    def forward(self, seen: Glimpse) -> Tensor:
        """A scalar."""
        pairs = zip(self._measures, seen.layers, strict=True)
        return torch.stack([measure(*pair) for measure, pair in pairs]).mean()
