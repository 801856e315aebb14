"""Linear maps from what one net's layer gives to the width of another's, learnt and thrown away."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

Measure = Callable[[Tensor, Tensor], Tensor]  # the teacher's layer, the student's -> a scalar


class Projected(nn.Module):
    """A measure of the teacher's layer and of the student's, mapped to the teacher's width."""

    def __init__(self, measure: Measure, learnt: nn.Module):
        super().__init__()
        self._measure, self.learnt = measure, learnt

    def forward(self, teacher: Tensor, student: Tensor) -> Tensor:
        """A scalar."""
        return self._measure(teacher, self.learnt(student))


def projected(measure: Measure, teacher: Tensor, student: Tensor) -> Measure:
    """The measure for layers that give such tensors; itself where both have one width.

    Channels of images (B, C, …) are mapped by a 1×1 convolution, the last axis of sequences
    (B, L, W) and of vectors (B, W) by a linear layer. Raises ValueError where other axes differ.
    """
    if teacher.shape[1:] == student.shape[1:]:
        return measure
    is_map = teacher.ndim == 4
    places = [x.shape[2:] if is_map else x.shape[1:-1] for x in (teacher, student)]
    if teacher.ndim != student.ndim or places[0] != places[1]:
        sizes = [tuple(x.shape[1:]) for x in (teacher, student)]
        raise ValueError(f"what they give, {sizes[0]} and {sizes[1]} a sample, can't be paired")
    if is_map:
        return Projected(measure, nn.Conv2d(student.shape[1], teacher.shape[1], 1))
    return Projected(measure, nn.Linear(student.shape[-1], teacher.shape[-1]))
