"""Whether channels can go without a change to what is left of the net, tried on a copy."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from compbench.errors import first_line
from compbench.toolkit.channels import Group, choice, followed, going, quiet, remove
from compbench.toolkit.layers import refusal

if TYPE_CHECKING:
    from torch import Tensor, nn

    Example = tuple[Tensor, ...]

_SAME = 0.01  # of what the channels contribute: far above rounding, far below a mix-up
_ROUNDING = 1e-4  # of the outputs, in float32


def settled(
    model: nn.Module, example: Example, found: Sequence[Group], ratio: float, round_to: int
) -> list[Group]:
    """The groups, of which those stay, with the reason, that can't lose the share `ratio` right."""
    found = list(found)
    while left := going(found, ratio, round_to):
        why = complaint(model, example, found, left)
        if why is None:
            break
        alone = {
            number: complaint(model, example, found, {number: left[number]}) for number in left
        }
        guilty = {number: reason for number, reason in alone.items() if reason}
        guilty = guilty or dict.fromkeys(left, why)
        found = [replace(g, reason=guilty.get(n, g.reason)) for n, g in enumerate(found)]
    return found


def complaint(
    model: nn.Module, example: Example, found: Sequence[Group], left: Mapping[int, int]
) -> str | None:
    """Why these groups can't be pruned, in words that name the layer; None where they can.

    `left` is how many channels a group keeps, by its number. The smaller net must run, and give
    what the whole one gives with zeros for the weights that read the channels which are gone. Norms
    over several channels are left out of both: they do depend on channels that are gone.
    """
    trial, masked = copy.deepcopy(model), copy.deepcopy(model)
    try:
        remove(trial, example, found, left, any_order)
    except MemoryError:
        raise
    except Exception as error:  # the library's own, of many kinds, or the net's, which it runs
        refused = refusal(trial, example)
        if refused is None:
            return f"torch-pruning can't take them out: {first_line(error)}"
    else:
        refused = refusal(trial, example)
    if refused is not None:
        path, why = refused
        layer = f"'{path}'" if path else "the net"
        return f"with fewer {layer} does not run: {why}"
    with quiet():
        uneven = _mask(masked, example, found, left)
    readers = dict.fromkeys(f"'{path}'" for number in left for path in found[number].readers)
    return uneven or _difference(model, masked, trial, example, ", ".join(readers))


def any_order(number: int, group: Any) -> Tensor:
    """An order of channels that is another for each group, and always the same."""
    import torch

    count = len(group[0].idxs)
    return torch.rand(count, generator=torch.Generator().manual_seed(number))


def _mask(
    model: nn.Module, example: Example, found: Sequence[Group], left: Mapping[int, int]
) -> str | None:
    """Set the weights to zero that read channels which would go.

    Returns why that can't be, where a norm over groups of channels would have them of unequal size.
    """
    from torch import nn
    from torch.nn.modules.conv import _ConvNd

    graph = followed(model, example)
    normed: dict[nn.GroupNorm, set[int]] = {}
    for root, handler, gone in choice(graph, found, left, any_order):
        for dependency, indices in graph.get_pruning_group(root, handler, gone):
            layer, function = dependency.target.module, dependency.handler
            reads = graph.is_in_channel_pruning_fn(function)
            if isinstance(layer, nn.GroupNorm):
                normed.setdefault(layer, set()).update(indices)
            elif not reads or graph.is_out_channel_pruning_fn(function):
                continue
            elif isinstance(layer, nn.Linear | _ConvNd):
                _forget(layer, indices)
    paths = {module: path for path, module in model.named_modules()}
    for norm, lost in normed.items():
        size = norm.num_channels // norm.num_groups
        if len({sum(i // size == part for i in lost) for part in range(norm.num_groups)}) > 1:
            return f"the groups of '{paths[norm]}' ({type(norm).__name__}) would differ in size"
    return None


def _forget(layer: Any, inputs: Sequence[int]) -> None:
    """Zeros for the weights of these input channels."""
    import torch

    with torch.no_grad():
        if getattr(layer, "transposed", False):
            layer.weight[inputs] = 0
        elif getattr(layer, "groups", 1) == 1:
            layer.weight[:, inputs] = 0
        else:
            size, outputs = layer.weight.shape[1], layer.out_channels // layer.groups
            for channel in inputs:
                first = channel // size * outputs
                layer.weight[first : first + outputs, channel % size] = 0


def _difference(
    model: nn.Module, masked: nn.Module, trial: nn.Module, example: Example, readers: str
) -> str | None:
    """What is wrong where the smaller net gives something else than the masked one."""
    import torch

    with torch.no_grad(), _norms_of_one_channel():
        whole, wanted, found = (net(*example) for net in (model, masked, trial))
    if found.shape != whole.shape:
        return f"the outputs would be {tuple(found.shape)}, not {tuple(whole.shape)}"
    off, effect = (found - wanted).abs().max(), (wanted - whole).abs().max()
    if off <= _SAME * effect + _ROUNDING * wanted.abs().max() or not torch.isfinite(off):
        return None
    return f"{readers or 'the net'} would read others in their place, or depends on all of them"


@contextmanager
def _norms_of_one_channel() -> Iterator[None]:
    """Norms over several channels only scale and shift each of them."""
    import torch
    from torch.nn import functional
    from torch.overrides import TorchFunctionMode

    layer = {functional.layer_norm, torch.layer_norm, functional.rms_norm, torch.rms_norm}
    group = {functional.group_norm, torch.group_norm}
    places = {functional.group_norm: 2, torch.group_norm: 2}  # where the weight is

    class Mode(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
        ) -> Any:
            kwargs = kwargs or {}
            if func is functional.local_response_norm:
                return args[0]
            if func not in layer | group:
                return func(*args, **kwargs)
            place = places.get(func, 2)
            named = dict(zip(("weight", "bias"), args[place : place + 2], strict=False)) | kwargs
            x, weight, bias = args[0], named.get("weight"), named.get("bias")
            bias = bias if isinstance(bias, torch.Tensor) else None  # an epsilon, of RMSNorm
            if func in group and weight is not None:
                shape = (1, -1, *[1] * (x.ndim - 2))
                weight, bias = weight.view(shape), None if bias is None else bias.view(shape)
            x = x if weight is None else x * weight
            return x if bias is None else x + bias

    with Mode():
        yield
