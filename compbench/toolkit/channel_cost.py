"""What a net costs once channels are gone: counted without taking them out, or measured."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from fractions import Fraction
from typing import TYPE_CHECKING

from compbench.contracts import Trainer
from compbench.toolkit.channel_trial import any_order
from compbench.toolkit.channels import Group, remove

if TYPE_CHECKING:
    from torch import Tensor, nn

    Example = tuple[Tensor, ...]
    # the groups, and how many channels of each are left by its number -> the share of the cost
    Share = Callable[[Sequence[Group], Mapping[int, int]], float]

_ALL = (Fraction(1), Fraction(1))


def share_of(what: str, model: nn.Module, example: Example, fit: Trainer) -> Share:
    """The share of a net's "macs", "parameters" or "latency" that is left."""
    if what == "latency":
        return _latency(model, example, fit)
    if what == "macs":
        by_layer = macs_by_layer(model, example)
        return lambda found, left: macs(by_layer, shares(found, left)) / macs(by_layer, {})
    return lambda found, left: parameters(model, shares(found, left)) / parameters(model, {})


def _latency(model: nn.Module, example: Example, fit: Trainer) -> Share:
    """Which channels go makes no difference to it, only how many."""
    model = copy.deepcopy(model)

    def share(found: Sequence[Group], left: Mapping[int, int]) -> float:
        smaller = copy.deepcopy(model)
        remove(smaller, example, found, left, any_order)
        return fit.latency_share(smaller, model)

    return share


def shares(found: Sequence[Group], left: Mapping[int, int]) -> dict[str, tuple[Fraction, Fraction]]:
    """The shares of the channels that each layer or parameter then gives, and takes, by path.

    `left` is how many channels a group keeps, by its number.
    """
    kept: dict[str, tuple[Fraction, Fraction]] = {}
    for number, count in left.items():
        gone = 1 - Fraction(count, found[number].count)
        for part in found[number].parts:
            given, taken = kept.get(part.path, _ALL)
            lost = gone * Fraction(part.count, part.of)
            kept[part.path] = (given - lost, taken) if part.gives else (given, taken - lost)
    return kept


def parameters(model: nn.Module, kept: Mapping[str, tuple[Fraction, Fraction]]) -> int:
    """How many parameters are left."""
    count = Fraction(0)
    for name, parameter in model.named_parameters():
        given, taken = kept.get(name, kept.get(name.rpartition(".")[0], _ALL))
        share = 1 if parameter.numel() == 1 else given * (taken if parameter.ndim > 1 else 1)
        count += parameter.numel() * share
    return int(count)


def macs(by_layer: Mapping[str, int], kept: Mapping[str, tuple[Fraction, Fraction]]) -> int:
    """How many multiply-accumulates are left of those `macs_by_layer` has."""
    gone = (by_layer.get(path, 0) * (1 - g * t) for path, (g, t) in kept.items() if path)
    return int(by_layer[""] - sum(gone))


def macs_by_layer(model: nn.Module, example: tuple[Tensor, ...]) -> dict[str, int]:
    """The multiply-accumulates of one sample by the layer's path, as torch runs it; "": of all."""
    import torch
    from torch import nn
    from torch.utils.flop_counter import FlopCounterMode

    model = copy.deepcopy(model)  # some nets keep what they last computed
    recurrent = any(isinstance(layer, nn.RNNBase) for layer in model.modules())
    plain = torch.backends.mkldnn.flags(enabled=False) if recurrent else nullcontext()
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # torch's, of other hardware
        stack.enter_context(plain)  # the fused kernels of recurrent layers are not counted
        stack.enter_context(torch.enable_grad())  # nor those of attention, without gradients
        counter = stack.enter_context(FlopCounterMode(display=False))
        model(*(one[:1] for one in example))
    found = {
        name.partition(".")[2]: sum(flops.values()) // 2
        for name, flops in counter.get_flop_counts().items()
        if "." in name
    }
    return found | {"": counter.get_total_flops() // 2}
