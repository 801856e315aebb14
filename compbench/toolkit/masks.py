"""Masks of zeros in a net's weights, kept through fine-tuning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from compbench.errors import JobFailed
from compbench.toolkit.layers import left, prunable, weighty

if TYPE_CHECKING:
    from torch import Tensor, nn

    from compbench.contracts import Trainer

    Weights = dict[str, nn.Parameter]
    Masks = dict[str, Tensor]


def refuse_nothing(model: nn.Module, keep: Iterable[str], fit: Trainer) -> None:
    """Note the layers that hold other weights than `prunable`; JobFailed where none is left."""
    weights = {id(weight) for weight in prunable(model).values()}
    others = {
        path: type(module).__name__
        for path, module in weighty(model).items()
        if not any(id(p) in weights for p in module.parameters(recurse=False))
    }
    if not prunable(model, keep):
        reasons = others | dict.fromkeys(keep, "keep")
        raise JobFailed(f"there is no layer whose weights it could change; {left(reasons)}")
    if others:
        fit.note(left(others))


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


def pattern(model: nn.Module, weights: Mapping[str, Tensor], kept: int, of: int) -> Masks:
    """Masks that keep the `kept` largest of each `of` neighbours along the input axis (N:M).

    Source: Mishra et al., "Accelerating Sparse Deep Neural Networks", arXiv:2104.08378. Raises
    JobFailed where a layer's inputs can't be grouped.
    """
    import torch

    masks: Masks = {}
    for path, weight in weights.items():
        axis, inputs = _input_axis(model.get_submodule(path), weight)
        if inputs % of:
            raise JobFailed(
                f"layer '{path}' has {inputs} inputs, which {kept}:{of} can't group by {of}; "
                "name it in keep"
            )
        groups = weight.detach().abs().movedim(axis, -1).reshape(-1, of)
        mask = torch.zeros_like(groups, dtype=torch.bool)
        mask.scatter_(1, groups.topk(kept, dim=1).indices, True)
        moved = mask.view(*weight.movedim(axis, -1).shape)
        masks[path] = moved.movedim(-1, axis).contiguous()
    return masks


def _input_axis(layer: nn.Module, weight: Tensor) -> tuple[int, int]:
    """The axis of a weight along which its inputs lie, and how many there are in a group."""
    from torch import nn

    if isinstance(layer, nn.modules.conv._ConvTransposeNd):
        return 0, weight.shape[0] // layer.groups
    return 1, weight.shape[1]


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
