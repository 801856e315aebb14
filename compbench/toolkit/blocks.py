"""The blocks that a net runs one after another, as a transformer its layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, NonNegativeInt

from compbench.errors import nearest

if TYPE_CHECKING:
    from torch import nn


def _rising(kept: tuple[int, ...]) -> tuple[int, ...]:
    if [*kept] != sorted({*kept}):
        raise ValueError(f"{[*kept]} should be blocks in rising order, each once")
    return kept


Kept = Annotated[tuple[NonNegativeInt, ...], Field(min_length=1), AfterValidator(_rising)]


@dataclass(frozen=True)
class Blocks:
    """A list of modules by its path, and the places in it of those that are alike."""

    path: str
    places: tuple[int, ...]


def found(model: nn.Module, path: str | None = None) -> Blocks:
    """The blocks at a path; without one those with most parameters, wherever they are.

    Alike are modules of the same class whose parameters have the same names and shapes. Raises
    ValueError where there are not two such modules in one list.
    """
    lists = dict(_lists(model))
    if path is not None:
        if path not in lists:
            raise ValueError(f"'{path}' is no list of modules{nearest(path, lists)}")
        lists = {path: lists[path]}
    best, most = Blocks("", ()), 0
    for own, modules in lists.items():
        for places in _alike(modules):
            parameters = sum(p.numel() for i in places for p in modules[i].parameters())
            if len(places) > 1 and parameters > most:
                best, most = Blocks(own, tuple(places)), parameters
    if not most:
        where = f"'{path}'" if path is not None else "the net"
        raise ValueError(f"{where} has no list with two blocks that are alike")
    return best


def keep(model: nn.Module, blocks: Blocks, kept: Sequence[int]) -> None:
    """Leave only these of the blocks, counted from 0; the net is changed.

    Raises ValueError where there is no such block.
    """
    count = len(blocks.places)
    if not all(0 <= index < count for index in kept):
        raise ValueError(f"'{blocks.path}' has {count} blocks that are alike, counted from 0")
    holder: Any = model.get_submodule(blocks.path)
    for index in sorted({*range(count)}.difference(kept), reverse=True):
        del holder[blocks.places[index]]


def evenly(count: int, kept: int) -> tuple[int, ...]:
    """So many of the places 0 … count - 1, from the first on, as far apart as each other."""
    return tuple(index * count // kept for index in range(kept))


def _lists(model: nn.Module) -> Iterator[tuple[str, list[nn.Module]]]:
    from torch import nn

    for path, module in model.named_modules():
        if isinstance(module, nn.ModuleList | nn.Sequential):
            yield path, [module[place] for place in range(len(module))]


def _alike(modules: Sequence[nn.Module]) -> list[list[int]]:
    """The places of modules by kind, for each kind that has parameters."""
    kinds: dict[Any, list[int]] = {}
    for place, module in enumerate(modules):
        shapes = tuple((name, tuple(p.shape)) for name, p in module.named_parameters())
        if shapes:
            kinds.setdefault((type(module), shapes), []).append(place)
    return [*kinds.values()]
