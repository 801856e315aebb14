"""The moving average of a net's weights (Polyak & Juditsky 1992, in its exponential form)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from compbench.training.weights import copied, held, put_back


class Average:
    """Each floating parameter and buffer, averaged; what is no float is the net's own."""

    def __init__(self, model: nn.Module, decay: float):
        self.decay = decay
        self.values = {n: v for n, v in copied(held(model)).items() if v.is_floating_point()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """After a step, the first of which is 1."""
        kept = min(self.decay, (1 + step) / (10 + step))
        now = held(model)
        for name, value in self.values.items():
            value.lerp_(now[name].to(value.dtype), 1 - kept)

    @contextmanager
    def in_place(self, model: nn.Module) -> Iterator[None]:
        """The net has the averages; zeros among its weights stay: a mask may have made them."""
        own = held(model)
        before = copied({name: own[name] for name in self.values})
        parameters = {name for name, _ in model.named_parameters()}
        put_back(model, {n: _masked(v, before[n], n in parameters) for n, v in self.values.items()})
        try:
            yield
        finally:
            put_back(model, before)


def _masked(average: Tensor, value: Tensor, is_weight: bool) -> Tensor:
    return average * (value != 0) if is_weight and value.ndim > 1 else average
