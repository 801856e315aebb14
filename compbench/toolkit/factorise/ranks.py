"""The ranks of a net's layers: by the energy each retains, or by parameters of the whole net."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heapify, heappop, heappush
from math import ceil
from typing import TYPE_CHECKING

from compbench.errors import JobFailed
from compbench.toolkit.factorise.linear import Factors

if TYPE_CHECKING:
    from torch import nn

_NAMED = 5  # layers in a message


def smallest_rank(factors: Factors, energy: float) -> int:
    """The smallest rank that retains the share `energy`, by halving: energy grows with the rank."""
    low, high = 1, factors.full_rank
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if factors.retained(middle) >= energy else (middle + 1, high)
    return low


def within_budget(layers: Mapping[str, Factors], budget: float, parameters: int) -> dict[str, int]:
    """Ranks with which a net of so many `parameters` has at most `budget` of them.

    Greedy: the step down that loses least energy (as a share of its layer's) for each parameter
    saved comes first; of equal ones the one of the first layer. Layers that are missing in the
    result stay as they are. Raises JobFailed where not even the smallest ranks are few enough.
    """
    ranks: dict[str, int] = {}
    order = {path: place for place, path in enumerate(layers)}

    def step(path: str) -> list[tuple[float, int, str, int, int]]:
        """Energy lost for a parameter saved, its place, path, parameters saved, the new rank."""
        factors, now = layers[path], ranks.get(path)
        rank = factors.full_rank if now is None else now - 1
        before = parameters_of(factors.layer) if now is None else factors.parameters(now)
        while rank >= 1 and factors.parameters(rank) >= before:
            rank -= 1
        if rank < 1:
            return []
        saved = before - factors.parameters(rank)
        lost = (1.0 if now is None else factors.retained(now)) - factors.retained(rank)
        return [(lost / saved, order[path], path, saved, rank)]

    least = parameters - sum(map(_savable, layers.values()))
    if least > budget:
        raise JobFailed(f"budget: {least:,} parameters are left with every rank at 1")
    steps = [found for path in layers for found in step(path)]
    heapify(steps)
    while parameters > budget:
        _, _, path, saved, ranks[path] = heappop(steps)
        parameters -= saved
        for found in step(path):
            heappush(steps, found)
    return ranks


def _savable(factors: Factors) -> int:
    """The parameters that factors can save at most."""
    fewest = min(map(factors.parameters, range(1, factors.full_rank + 1)))
    return max(parameters_of(factors.layer) - fewest, 0)


def refuse_budget(
    model: nn.Module, layers: Mapping[str, Factors], reasons: Mapping[str, str], share: float
) -> None:
    """Raises JobFailed where `layers` at their smallest ranks leave a larger share of parameters.

    It says the least share, and which other layers hold how many parameters, with the reasons.
    """
    whole = parameters_of(model)
    least = whole - sum(map(_savable, layers.values()))
    if least <= share * whole:
        return
    held: dict[str, int] = {}
    for name, parameter in model.named_parameters():
        path = name.rpartition(".")[0]
        if path not in layers:
            held[path] = held.get(path, 0) + parameter.numel()
    largest = sorted(held, key=lambda path: -held[path])
    named = [
        f"{path or 'the net itself'} {held[path]:,} "
        f"({reasons.get(path) or type(model.get_submodule(path)).__name__})"
        for path in largest[:_NAMED]
    ]
    more = [f"{len(held) - _NAMED} more"] if len(held) > _NAMED else []
    fixed = f"; {sum(held.values()):,} can't be factorised: {', '.join(named + more)}"
    raise JobFailed(
        f"budget = {share:g}: {least:,} of {whole:,} parameters are left with every rank at 1, so "
        f"the least budget is {ceil(1000 * least / whole) / 1000:g}{fixed if held else ''}"
    )


def parameters_of(module: nn.Module) -> int:
    """How many parameters a module has."""
    return sum(p.numel() for p in module.parameters())
