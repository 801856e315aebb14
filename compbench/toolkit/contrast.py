"""Noise-contrastive estimation between two nets, with a memory of all samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize

from compbench.contracts import Glimpse
from compbench.contracts.arguments import embedded


class Contrast(nn.Module):
    """Tian et al., arXiv:1910.10699, with one draw of negatives for all samples of a batch.

    With h(a, b) = exp(a · b / temperature) / Z, where Z makes h's mean over the first negatives one
    in so many as there are samples, a pair of one sample has the loss -log h / (h + k/N), a
    negative -log (k/N) / (h + k/N); the sum over a sample's pairs, and the mean over the batch.
    """

    negatives = 4096
    temperature = 0.07
    momentum = 0.5
    kinds: Tensor
    scales: Tensor
    of_teacher: Tensor
    of_student: Tensor

    def __init__(
        self, widths: tuple[int, int], width: int, samples: int, labels: NDArray[Any] | None
    ):
        """`widths` of the teacher's and the student's layer; labels (N,) if there are classes."""
        super().__init__()
        self.maps = nn.ModuleList(nn.Linear(each, width) for each in widths)
        known = np.arange(samples) if labels is None else np.asarray(labels)
        self.register_buffer("kinds", torch.from_numpy(known.astype(np.int64)))
        self.register_buffer("scales", torch.zeros(2))
        for name in ("of_teacher", "of_student"):
            self.register_buffer(name, normalize(torch.randn(samples, width)))

    def forward(self, seen: Glimpse) -> Tensor:
        """A scalar; the memories learn the embeddings of the batch."""
        layers = zip(self.maps, seen.layers[0], strict=True)
        teacher, student = (normalize(learnt(embedded(layer))) for learnt, layer in layers)
        indices = seen.batch.indices
        drawn = torch.randint(len(self.kinds), (self.negatives,)).to(indices.device)
        is_other = self.kinds[indices, None] != self.kinds[drawn]  # (B, k)
        loss = student.new_zeros(())
        pairs = ((student, self.of_teacher), (teacher, self.of_student))
        for place, (now, memory) in enumerate(pairs):
            loss = loss + self._loss(place, now, memory[indices], memory[drawn], is_other)
        self._remember(self.of_teacher, indices, teacher)
        self._remember(self.of_student, indices, student)
        return loss

    @torch.no_grad()
    def _remember(self, memory: Tensor, indices: Tensor, now: Tensor) -> None:
        memory[indices] = normalize(memory[indices].lerp(now, 1 - self.momentum))

    def _loss(
        self, place: int, now: Tensor, same: Tensor, others: Tensor, is_other: Tensor
    ) -> Tensor:
        """Of a net's embeddings (B, W) beside the other's of the same (B, W), of others (k, W)."""
        count, samples = self.negatives, len(self.kinds)
        positive = (now * same).sum(1).div(self.temperature).exp()
        negative = (now @ others.T).div(self.temperature).exp()
        if self.scales[place] == 0:
            self.scales[place] = negative.detach().mean() * samples
        scale = self.scales[place].clone()  # it is written again before the gradients are taken
        positive, negative = positive / scale, negative / scale
        noise = count / samples
        right = (positive / (positive + noise)).log()
        wrong = (noise / (negative + noise)).log() * is_other
        return -(right + wrong.sum(1)).mean()
