"""Which layers of two nets correspond, and the base of losses that compare layers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil, prod
from typing import TYPE_CHECKING

from pydantic import Field

from compbench.contracts import Compared, Glimpse, LossBase, Net, TrainingData
from compbench.contracts.arguments import first_tensor
from compbench.toolkit import blocks

if TYPE_CHECKING:
    from torch import Tensor, nn

Pairs = Sequence[tuple[str, str]]
Measure = Callable[["Tensor", "Tensor"], "Tensor"]  # the teacher's, the student's -> a scalar


class LayerLoss(LossBase):
    """Base of losses that look at layers."""

    layers: tuple[tuple[str, str], ...] | None = Field(
        default=None,
        min_length=1,
        description="pairs of layers, the teacher's and the student's, by their names in the nets; "
        "without it they are found, and told",
    )

    def pairs(self, teacher: Net, student: Net) -> Pairs:
        """As asked for, else as `found` finds them."""
        return self.found(teacher, student) if self.layers is None else self.layers

    def found(self, teacher: Net, student: Net) -> Pairs:
        """The pairs where none are asked for: those that correspond, all over the nets."""
        return corresponding(teacher, student)


class PairLoss(LayerLoss):
    """Base of losses that are means over pairs of layers."""

    @abstractmethod
    def measure(self, teacher: Tensor, student: Tensor) -> Measure:
        """How to compare the layers of one pair, which give such tensors for two samples.

        A torch module where it learns something of its own. Raises ValueError with why it can't.
        """

    def begin(self, first: Glimpse, nets: tuple[Net, Net], data: TrainingData) -> Compared:
        """The mean over the pairs."""
        from compbench.toolkit.pair_mean import PairMean

        return PairMean([self.measure(*pair) for pair in first.layers])


@dataclass(frozen=True)
class _Given:
    """What a layer gave: shapes are of one sample."""

    name: str
    layer: nn.Module
    shape: tuple[int, ...]

    @property
    def is_weighty(self) -> bool:
        """Whether it has weights of its own that multiply."""
        return any(p.ndim > 1 for p in self.layer.parameters(recurse=False))


def corresponding(teacher: Net, student: Net) -> Pairs:
    """The layers that end stages: by the same size of images, else by depth.

    A stage are the layers that give images of one size, a block of a transformer, or the linear
    layers of one width in a row. Raises ValueError where the two nets have no kind of stage alike.
    """
    nets = [_given(net) for net in (teacher, student)]
    maps = [_maps(given) for given in nets]
    sizes = [{one.shape[1:]: one.name for one in each} for each in maps]
    alike = [(name, sizes[1][size]) for size, name in sizes[0].items() if size in sizes[1]]
    if alike:
        return alike
    for kind in ([_blocks(net) for net in (teacher, student)], [_vectors(g) for g in nets], maps):
        names = [[one.name for one in each] for each in kind]
        if all(names):
            return by_depth(*names)
    raise ValueError(
        "no layers of the two nets are found to correspond: name them, layers = [[teacher's, "
        "student's], …]"
    )


def stage_ends(net: Net) -> Sequence[str]:
    """The layers that end a net's stages, from its inputs on: see `corresponding`."""
    given = _given(net)
    found = _maps(given) or _blocks(net) or _vectors(given)
    return [one.name for one in found]


def by_depth(teacher: Sequence[str], student: Sequence[str]) -> Pairs:
    """The last with the last, the others as far on in both; each of the student's, once."""
    if len(student) > len(teacher):
        return [(one, other) for other, one in by_depth(student, teacher)]
    share = len(teacher) / len(student)
    return [(teacher[ceil((n + 1) * share) - 1], name) for n, name in enumerate(student)]


def embeddings(teacher: Net, student: Net) -> Pairs:
    """The layers before the last one that has weights: what the nets know of a sample.

    Raises ValueError where a net has no such layer.
    """
    return [(before_last(teacher, "teacher"), before_last(student, "student"))]


def before_last(net: Net, which: str) -> str:
    """The layer whose features the last one with weights gets. Raises ValueError without one."""
    given = _given(net)
    weighty = [place for place, one in enumerate(given) if one.is_weighty]
    if not weighty or weighty[-1] == 0:
        raise ValueError(f"the {which} has no layer before its last one")
    return given[weighty[-1] - 1].name


def _given(net: Net) -> list[_Given]:
    """All layers but the net itself, in the order in which they end, with what they gave.

    None is told twice: of a layer that runs several times the last time counts.
    """
    from torch import no_grad

    found: dict[str, _Given] = {}
    hooks = []

    def looking(name: str) -> Callable[..., None]:
        def look(layer: nn.Module, inputs: object, outputs: object) -> None:
            tensor = first_tensor(outputs)
            if tensor is not None and tensor.ndim > 1 and tensor.is_floating_point():
                found.pop(name, None)
                found[name] = _Given(name, layer, tuple(tensor.shape[1:]))

        return look

    for name, layer in net.module.named_modules():
        if name:
            hooks.append(layer.register_forward_hook(looking(name)))
    try:
        with no_grad():
            net.module(*net.example)
    finally:
        for hook in hooks:
            hook.remove()
    return [*found.values()]


def _maps(given: Sequence[_Given]) -> list[_Given]:
    """The last layer that gives images of each size, in the order of the net."""
    last: dict[tuple[int, ...], _Given] = {}
    for one in given:
        if len(one.shape) == 3 and prod(one.shape[1:]) > 1:
            last[one.shape[1:]] = one
    return [*last.values()]


def _blocks(net: Net) -> list[_Given]:
    try:
        found = blocks.found(net.module)
    except ValueError:
        return []
    given = {one.name: one for one in _given(net) if len(one.shape) == 2}
    names = [f"{found.path}.{place}".lstrip(".") for place in found.places]
    return [given[name] for name in names if name in given]


def _vectors(given: Sequence[_Given]) -> list[_Given]:
    """The last layer of each row of layers that give vectors of one width, with weights in it."""
    last = max((place for place, one in enumerate(given) if one.is_weighty), default=0)
    rows = groupby(given[:last], lambda one: one.shape)
    found = [[*row] for shape, row in rows if len(shape) == 1]
    return [row[-1] for row in found if any(one.is_weighty for one in row)]
