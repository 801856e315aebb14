"""Teachers that are asked what they give for the batches of a training."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

from compbench.contracts import Batch, Recipe, Trainer, TrainingData
from compbench.training import specialists
from compbench.training.layout import working
from compbench.training.share import rows
from compbench.training.strides import skip_first

KEPT_BYTES = 1 << 28  # of a teacher's outputs on the training split, asked once


class Teacher:
    """Answers batch by batch; where samples look alike in each epoch it is asked once for all.

    `module` is a copy of the net, as the order of its weights in memory would show in the last bits
    of a child's logits.
    """

    def __init__(self, net: nn.Module, fit: Trainer):
        self._fit = fit
        self.module = copy.deepcopy(net).eval()
        skip_first(self.module)
        working(self.module, fit.example(self.module), torch.device("cpu"))
        self._inputs: object = None
        self._outputs: Tensor | None = None
        self._fixed: Tensor | None = None

    def remember(self, by: Recipe, data: TrainingData) -> None:
        """Ask for the whole training split now, where a recipe never changes it and it is small."""
        size = 4 * prod(data.task.output_shape(data.train.targets, data.signature.outputs))
        if by.augments or size > KEPT_BYTES:
            return
        here = rows(data, by)
        began = time.perf_counter()
        seen = data.train if here is None else data.train.part(here.numpy())
        found = self._fit.outputs(self.module, seen)
        found[:1].cpu()  # not before all of it is there
        self._fit.asked(time.perf_counter() - began)
        self._fixed = found
        if here is not None:
            self._fixed = found.new_zeros(len(data.train), *found.shape[1:])
            self._fixed[here.to(found.device)] = found

    def outputs(self, batch: Batch) -> Tensor:
        """What it gives for a batch; mixed samples come again with other targets."""
        if self._fixed is not None:
            return self._fixed[batch.indices]
        if self._outputs is None or self._inputs is not batch.inputs:
            self._inputs, self._outputs = batch.inputs, self._fit.outputs(self.module, batch)
            self._fit.asked(0.0)
        return self._outputs


class Teachers:
    """Several teachers as one, whose outputs are means of theirs by weights, sample by sample.

    "confidence": a teacher's weight is divided by the perplexity of what it says of the sample, the
    number of classes between which it is as good as undecided. "random": each batch has the outputs
    of one teacher, drawn by the weights. Where it is said which classes each one `knows` they are
    what `training.specialists` makes of all.
    """

    def __init__(
        self,
        teachers: Sequence[Teacher],
        weights: Sequence[float],
        combine: str,
        knows: Tensor | None = None,
    ):
        self._teachers, self._combine, self._knows = [*teachers], combine, knows
        self._weights = torch.tensor(weights, dtype=torch.float32) / sum(weights)
        self._inputs: object = None
        self._outputs: Tensor | None = None

    @property
    def module(self) -> nn.Module:
        """The first of them."""
        return self._teachers[0].module

    def remember(self, by: Recipe, data: TrainingData) -> None:
        """Ask each of them as `Teacher` says."""
        for teacher in self._teachers:
            teacher.remember(by, data)

    def outputs(self, batch: Batch) -> Tensor:
        """What they give for a batch; mixed samples come again with other targets."""
        if self._outputs is None or self._inputs is not batch.inputs:
            self._inputs, self._outputs = batch.inputs, self._combined(batch)
        return self._outputs

    def _combined(self, batch: Batch) -> Tensor:
        if self._combine == "random":
            drawn = int(torch.multinomial(self._weights, 1))
            return self._teachers[drawn].outputs(batch)
        each = torch.stack([teacher.outputs(batch) for teacher in self._teachers])  # (K, B, …)
        if self._knows is not None:
            here = self._knows.to(each.device)
            return specialists.together(each, self._weights.to(each.device), here)
        weights = self._weights.to(each.device).view(-1, *[1] * (each.ndim - 1))
        if self._combine == "confidence":
            logs = each.log_softmax(-1)
            weights = weights * (logs.exp() * logs).sum(-1, keepdim=True).exp()
            weights = weights / weights.sum(0)
        return (weights * each).sum(0)
