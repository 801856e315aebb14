"""Masks of zeros in a net's weights, kept through fine-tuning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from compbench.errors import JobFailed
from compbench.toolkit.layers import prunable

if TYPE_CHECKING:
    from torch import Tensor, nn

    from compbench.contracts import AfterStep

    Weights = dict[str, nn.Parameter]
    Masks = dict[str, Tensor]


def smallest(weights: Mapping[str, Tensor], ratio: float, scope: str) -> Masks:
    """Masks (True: kept) that remove the share `ratio` of weights with the smallest magnitudes.

    `scope` "layer" removes that share of each layer, "global" of all weights taken together.
    Raises JobFailed where a layer would have no weight left.
    """
    import torch

    groups = [list(weights)] if scope == "global" else [[path] for path in weights]
    masks: Masks = {}
    for paths in groups:
        magnitudes = torch.cat([weights[path].detach().abs().flatten() for path in paths])
        kept = torch.ones(len(magnitudes), dtype=torch.bool, device=magnitudes.device)
        kept[magnitudes.argsort(stable=True)[: round(ratio * len(magnitudes))]] = False
        parts = kept.split([weights[path].numel() for path in paths])
        masks |= {
            path: part.view(weights[path].shape) for path, part in zip(paths, parts, strict=True)
        }
    for path, mask in masks.items():
        if not mask.any():
            raise JobFailed(
                f"layer '{path}' would be empty: all its {mask.numel():,} weights are among the "
                f"smallest {ratio:.0%}; lower ratio or name it in keep"
            )
    return masks


def pattern(weights: Mapping[str, Tensor], kept: int, of: int) -> Masks:
    """Masks that keep the `kept` largest of each `of` neighbours along the input axis (N:M).

    Source: Mishra et al., "Accelerating Sparse Deep Neural Networks", arXiv:2104.08378. Raises
    JobFailed where a layer's inputs can't be grouped.
    """
    import torch

    masks: Masks = {}
    for path, weight in weights.items():
        inputs = weight.shape[1]
        if inputs % of:
            raise JobFailed(
                f"layer '{path}' has {inputs} inputs, which {kept}:{of} can't group by {of}; "
                "name it in keep"
            )
        groups = weight.detach().abs().movedim(1, -1).reshape(-1, of)
        mask = torch.zeros_like(groups, dtype=torch.bool)
        mask.scatter_(1, groups.topk(kept, dim=1).indices, True)
        moved = mask.view(*weight.movedim(1, -1).shape)
        masks[path] = moved.movedim(-1, 1).contiguous()
    return masks


def zeros(model: nn.Module) -> Masks:
    """The masks that are in a model already: of each layer with weights that are exactly zero."""
    found = {path: weight.detach() != 0 for path, weight in prunable(model).items()}
    return {path: mask for path, mask in found.items() if not mask.all()}


def apply(weights: Mapping[str, nn.Parameter], masks: Mapping[str, Tensor]) -> None:
    """Set what the masks remove to zero, in place."""
    import torch

    with torch.no_grad():
        for path, mask in masks.items():
            weights[path].mul_(mask.to(weights[path].device))


def keeping_zeros(model: nn.Module) -> AfterStep:
    """For fine-tuning: the weights that are zero now are set to zero again after each step."""
    masks = zeros(model)

    def after_step(share_done: float) -> bool:
        apply(prunable(model), masks)
        return True

    return after_step
