"""The losses of a distillation together, each with what it sees of teacher and student."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn

from compbench.contracts import (
    Batch,
    Compared,
    Glimpse,
    Loss,
    LossBase,
    Net,
    Teaching,
    Trainer,
    TrainingData,
    describe_loss,
)
from compbench.errors import JobFailed
from compbench.training.losses import on_targets
from compbench.training.taps import Taps
from compbench.training.teacher import Teacher, Teachers
from compbench.training.weights import undone

Pairs = Sequence[tuple[str, str]]
Found = TypeVar("Found")


class Distillation(nn.Module):
    """A weighted sum of losses, and the task's own; what they learn of their own is its weights.

    As a loss of the training loop: a student's outputs (B, …) and the batch -> a scalar.
    """

    def __init__(
        self,
        terms: Sequence[tuple[float, Compared, Pairs]],
        hard: Loss,
        teacher: Teacher | Teachers,
        taps: tuple[Taps, Taps],
    ):
        """`hard` is the loss on targets."""
        super().__init__()
        self._terms, self._hard, self._teacher, self._taps = [*terms], hard, teacher, taps
        self.learnt = nn.ModuleList(one for _, one, _ in terms if isinstance(one, nn.Module))

    def forward(self, outputs: Tensor, batch: Batch) -> Tensor:
        """A scalar."""
        of_student = self._taps[1].seen()  # before the teacher is asked: it may be the same net
        wanted = self._teacher.outputs(batch)
        of_teacher = self._taps[0].seen()
        total = self._hard(outputs, batch)
        for weight, compare, pairs in self._terms:
            layers = [(of_teacher[one], of_student[other].float()) for one, other in pairs]
            total = total + weight * compare(Glimpse(wanted, outputs, batch, layers))
        return total


@contextmanager
def learning(
    teacher: Teacher | Teachers,
    student: nn.Module,
    losses: Sequence[LossBase],
    by: Teaching,
    data: TrainingData,
    fit: Trainer,
) -> Iterator[Distillation]:
    """The loss of learning from a teacher by all of these; within the block both nets are tapped.

    Raises JobFailed where one of them can't compare these nets; layers are those of one teacher.
    """
    nets = Net(teacher.module, fit.example(teacher.module)), Net(student, fit.example(student))
    with undone(student):
        student.eval()
        pairs = [_pairs(loss, nets, fit) for loss in losses]
        if any(pairs) and isinstance(teacher, Teachers):
            raise JobFailed("losses that compare layers learn from one parent: name one")
        taps = [_taps(one.module, pairs, side) for side, one in enumerate(nets)]
        with taps[0], taps[1], torch.no_grad():
            outputs = [one.module(*one.example) for one in nets]
            seen = [tap.seen() for tap in taps]
    terms, first = [], _first(data)
    for loss, own in zip(losses, pairs, strict=True):
        layers = [(_gave(seen[0], "teacher", a), _gave(seen[1], "student", b)) for a, b in own]
        glimpse = Glimpse(outputs[0], outputs[1], first, layers)
        compare = _told(loss, lambda loss=loss, seen=glimpse: loss.begin(seen, nets, data))
        terms.append((loss.weight, compare, own))
    with taps[0], taps[1]:
        if not any(pairs):
            teacher.remember(by, data)
        yield Distillation(terms, on_targets(by, data), teacher, (taps[0], taps[1]))


def _pairs(loss: LossBase, nets: tuple[Net, Net], fit: Trainer) -> Pairs:
    """The layers that a loss compares; those that it found itself are told."""
    found = _told(loss, lambda: loss.pairs(*nets))
    if found and not getattr(loss, "layers", None):
        each = ", ".join(f"'{one}' with '{other}'" for one, other in found)
        name = describe_loss(loss)["name"]
        fit.note(f"{name} compares layers of the teacher and of the student: {each}")
    return found


def _taps(net: nn.Module, pairs: Sequence[Pairs], side: int) -> Taps:
    names = {pair[side] for each in pairs for pair in each}
    which = ("teacher", "student")[side]
    try:
        return Taps(net, sorted(names))
    except ValueError as error:
        raise JobFailed(f"the {which}: {error}") from error


def _gave(seen: Mapping[str, Tensor], which: str, layer: str) -> Tensor:
    if layer not in seen:
        raise JobFailed(f"the {which}'s layer '{layer}' does not run, or gives no tensor")
    return seen[layer]


def _first(data: TrainingData) -> Batch:
    """The first two training samples, as a batch on the CPU."""
    samples = data.train.first(2)
    inputs = {name: torch.from_numpy(x.copy()) for name, x in data.prepared(samples).items()}
    count = len(next(iter(inputs.values())))
    return Batch(inputs, torch.from_numpy(data.train.targets[:count].copy()), torch.arange(count))


def _told(loss: LossBase, work: Callable[[], Found]) -> Found:
    """What a loss gives, or JobFailed with its name and why it can't."""
    try:
        return work()
    except ValueError as error:
        raise JobFailed(f"the loss '{describe_loss(loss)['name']}': {error}") from error
