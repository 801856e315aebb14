"""A teacher that is asked what it gives for the batches of a training."""

from __future__ import annotations

import copy
from math import prod

import torch
from torch import Tensor, nn

from compbench.contracts import Batch, Recipe, Trainer, TrainingData
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
        if here is None:
            self._fixed = self._fit.outputs(self.module, data.train)
            return
        found = self._fit.outputs(self.module, data.train.part(here.numpy()))
        self._fixed = found.new_zeros(len(data.train), *found.shape[1:])
        self._fixed[here.to(found.device)] = found

    def outputs(self, batch: Batch) -> Tensor:
        """What it gives for a batch; mixed samples come again with other targets."""
        if self._fixed is not None:
            return self._fixed[batch.indices]
        if self._outputs is None or self._inputs is not batch.inputs:
            self._inputs, self._outputs = batch.inputs, self._fit.outputs(self.module, batch)
        return self._outputs
