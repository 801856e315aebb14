"""Masks of zeros in a net's weights, kept through fine-tuning."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING

from compbench.errors import JobFailed
from compbench.toolkit.layers import places, prunable

if TYPE_CHECKING:
    from torch import Tensor, nn

    Weights = dict[str, nn.Parameter]
    Masks = dict[str, Tensor]


def smallest(
    weights: Mapping[str, Tensor], ratio: float, scope: str, least_kept: float = 0.0
) -> Masks:
    """Masks (True: kept) that remove the share `ratio` of weights with the smallest magnitudes.

    `scope` "layer" removes that share of each layer, "global" of all weights taken together, where
    the largest of each layer stay: the share `least_kept` of what the ratio leaves of it, rounded
    up. Raises JobFailed where a layer would have no weight left.
    """
    import torch

    groups = [list(weights)] if scope == "global" else [[path] for path in weights]
    masks: Masks = {}
    for paths in groups:
        parts = [weights[path].detach().abs().flatten() for path in paths]
        count = round(ratio * sum(map(len, parts)))
        if least_kept:
            parts = [_spared(part, least_kept * (1 - ratio) * len(part)) for part in parts]
        kept = _without(torch.cat(parts), count).split([len(part) for part in parts])
        masks |= {
            path: part.view(weights[path].shape) for path, part in zip(paths, kept, strict=True)
        }
    for path, mask in masks.items():
        if not mask.any():
            raise JobFailed(
                f"layer '{path}' would be empty: all its {mask.numel():,} weights are among the "
                f"smallest {ratio:.0%}; raise least_kept, lower ratio or name it in keep"
            )
    return masks


def _spared(magnitudes: Tensor, least: float) -> Tensor:
    """The magnitudes, of which the largest are infinite: `least`, rounded up, and one at least."""
    count = max(ceil(least - 1e-9), 1)  # 0.05 · 160 is a bit more than 8 in floating point
    return magnitudes.scatter(0, magnitudes.topk(count).indices, float("inf"))


def _without(magnitudes: Tensor, count: int) -> Tensor:
    """A mask that removes the `count` smallest but no infinite ones; of equal ones the first.

    As a stable sort would, in a tenth of its time.
    """
    import torch

    count = min(count, int(magnitudes.isfinite().sum()))
    if not count:
        return torch.ones(len(magnitudes), dtype=torch.bool, device=magnitudes.device)
    most = magnitudes.kthvalue(count).values
    less, equal = magnitudes < most, magnitudes == most
    first = equal & (equal.cumsum(0) <= count - less.sum())
    return ~(less | first)


def pattern(
    model: nn.Module, weights: Mapping[str, nn.Parameter], kept: int, of: int
) -> tuple[Masks, dict[str, str]]:
    """Masks that keep the `kept` largest of each `of` neighbours along the input axis (N:M).

    And why others have none, by name: their inputs are no multiple of `of`, as an image's three
    colours are none of 4. Source: Mishra et al., "Accelerating Sparse Deep Neural Networks",
    arXiv:2104.08378.
    """
    import torch

    masks: Masks = {}
    others: dict[str, str] = {}
    for path, weight in weights.items():
        axis, inputs = _input_axis(places(model, weight)[0][0], weight)
        if inputs % of:
            others[path] = f"{kept}:{of} can't group its {inputs} inputs by {of}"
            continue
        groups = weight.detach().abs().movedim(axis, -1).reshape(-1, of)
        mask = torch.zeros_like(groups, dtype=torch.bool)
        mask.scatter_(1, groups.topk(kept, dim=1).indices, True)
        moved = mask.view(*weight.movedim(axis, -1).shape)
        masks[path] = moved.movedim(-1, axis).contiguous()
    return masks, others


def _input_axis(layer: nn.Module, weight: Tensor) -> tuple[int, int]:
    """The axis of a weight along which its inputs lie, and how many there are in a group."""
    from torch import nn

    if isinstance(layer, nn.modules.conv._ConvTransposeNd):
        return 0, weight.shape[0] // layer.groups
    return 1, weight.shape[1]


def count(model: nn.Module) -> tuple[int, int]:
    """How many weights are exactly zero, and how many there are."""
    weights = prunable(model).values()
    return sum(int((w == 0).sum()) for w in weights), sum(w.numel() for w in weights)


def zeros(model: nn.Module) -> Masks:
    """The masks that are in a model already: of each layer with weights that are exactly zero."""
    found = {path: weight.detach() != 0 for path, weight in prunable(model).items()}
    return {path: mask for path, mask in found.items() if not mask.all()}


def apply(weights: Mapping[str, nn.Parameter], masks: Masks) -> None:
    """Set what the masks remove to zero, in place."""
    import torch

    with torch.no_grad():
        for path, mask in beside(masks, weights).items():
            weights[path].mul_(mask)


def beside(masks: Masks, weights: Mapping[str, Tensor]) -> Masks:
    """The masks on the devices of the weights; those that are there already are the same."""
    return {path: mask.to(weights[path].device) for path, mask in masks.items()}


class KeptZeros:
    """For fine-tuning: masks that are applied again after each step."""

    def __init__(self, model: nn.Module, masks: Masks):
        self.model, self.masks = model, masks

    def __call__(self, share_done: float) -> bool:
        """After a step: the model has its final form."""
        weights = prunable(self.model)
        self.masks = beside(self.masks, weights)  # copied once, when the training moved the net
        apply(weights, self.masks)
        return True

    def state_dict(self) -> Masks:
        """The masks."""
        return dict(self.masks)

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on with these."""
        self.masks = dict(state)


def keeping_zeros(model: nn.Module) -> KeptZeros:
    """For fine-tuning: the weights that are zero now are set to zero again after each step."""
    return KeptZeros(model, zeros(model))
