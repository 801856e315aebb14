"""One optimiser step: gradients clipped, then torch's own AdamW or SGD on all weights at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim.adamw import adamw
from torch.optim.sgd import sgd

from compbench.contracts import Recipe

BETA2, EPSILON = 0.999, 1e-8  # of AdamW, as torch's defaults


class Optimizer:
    """Moves weights by a recipe; what it decays are those with two or more axes.

    It calls the kernels below `torch.optim`'s classes: in a small net those classes' bookkeeping
    takes longer than the arithmetic.
    """

    def __init__(self, parameters: Iterable[Tensor], recipe: Recipe):
        self.parameters = list(parameters)
        self.gradient_norm = recipe.gradient_norm
        alike: dict[tuple[Any, ...], list[Tensor]] = {}
        for p in self.parameters:
            kind = p.ndim > 1, _can_be_fused(p), p.dtype, p.device
            alike.setdefault(kind, []).append(p)
        group = _Sgd if recipe.optimizer == "sgd" else _AdamW
        self.groups = [
            group(parameters, recipe.weight_decay if decays else 0.0, is_fused)
            for (decays, is_fused, *_), parameters in alike.items()
        ]

    def state(self) -> dict[str, Tensor]:
        """What is remembered of the parameters, the tensors themselves, by names of its own."""
        return {
            f"{place}/{kind}/{index}": tensor
            for place, group in enumerate(self.groups)
            for kind, tensors in group.remembered().items()
            for index, tensor in enumerate(tensors)
        }

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, learning_rate: float, momentum: float) -> None:
        """Use the gradients; `momentum` is AdamW's beta1."""
        if self.gradient_norm:
            clip(_gradients(self.parameters), self.gradient_norm)
        for group in self.groups:
            group.step(learning_rate, momentum)


def clip(gradients: list[Tensor], most: float) -> None:
    """Scale gradients down to the norm `most` over all of them, in place, where theirs is more."""
    if not gradients:
        return
    first = gradients[0].device
    norms = [torch.linalg.vector_norm(gradient).to(first) for gradient in gradients]
    norm = float(torch.linalg.vector_norm(torch.stack(norms)))
    if not norm <= most:  # nor is it, where it is no number
        for gradient in gradients:
            gradient.mul_(most / (norm + 1e-6))


class _Group(ABC):
    """Parameters of one weight decay, type and device, and what is remembered of each."""

    def __init__(self, parameters: list[Tensor], weight_decay: float, is_fused: bool):
        self.parameters = parameters
        self.weight_decay = weight_decay
        self.is_fused = is_fused
        self.averages = [torch.zeros_like(p) for p in parameters]

    def remembered(self) -> dict[str, list[Tensor]]:
        """By kind, in the order of the parameters."""
        return {"averages": self.averages}

    def step(self, learning_rate: float, momentum: float) -> None:
        """Move those that the last loss depended on."""
        reached = [place for place, p in enumerate(self.parameters) if p.grad is not None]
        if reached:
            self._move(reached, learning_rate, momentum)

    @abstractmethod
    def _move(self, reached: list[int], learning_rate: float, momentum: float) -> None: ...


class _AdamW(_Group):
    """Loshchilov & Hutter, arXiv:1711.05101."""

    def __init__(self, parameters: list[Tensor], weight_decay: float, is_fused: bool):
        super().__init__(parameters, weight_decay, is_fused)
        self.squares = [torch.zeros_like(p) for p in parameters]
        self.steps = [torch.zeros((), device=p.device) for p in parameters]

    def remembered(self) -> dict[str, list[Tensor]]:
        """Gradients' and squares' averages, and how many each has."""
        return {**super().remembered(), "squares": self.squares, "steps": self.steps}

    def _move(self, reached: list[int], learning_rate: float, momentum: float) -> None:
        parameters, steps = _those(self.parameters, reached), _those(self.steps, reached)
        averages, squares = _those(self.averages, reached), _those(self.squares, reached)
        settings = {
            "amsgrad": False,
            "lr": learning_rate,
            "beta1": momentum,
            "beta2": BETA2,
            "weight_decay": self.weight_decay,
            "eps": EPSILON,
            "maximize": False,
        }
        gradients = _gradients(parameters)
        if self.is_fused:
            torch._foreach_add_(steps, 1)  # pyright: ignore[reportPrivateImportUsage]
            move = torch._fused_adamw_  # pyright: ignore[reportPrivateImportUsage]
            move(parameters, gradients, averages, squares, [], steps, **settings)
        else:
            adamw(
                parameters,
                gradients,
                averages,
                squares,
                [],
                steps,
                foreach=False,
                has_complex=any(map(torch.is_complex, parameters)),
                **settings,
            )


class _Sgd(_Group):
    """Gradient descent with Nesterov's momentum."""

    def _move(self, reached: list[int], learning_rate: float, momentum: float) -> None:
        parameters, averages = _those(self.parameters, reached), _those(self.averages, reached)
        settings = {
            "weight_decay": self.weight_decay,
            "momentum": momentum,
            "lr": learning_rate,
            "dampening": 0.0,
            "nesterov": True,
            "maximize": False,
        }
        gradients = _gradients(parameters)
        if self.is_fused:
            move = torch._fused_sgd_  # pyright: ignore[reportPrivateImportUsage]
            move(parameters, gradients, averages, is_first_step=False, **settings)
        else:
            sgd(parameters, gradients, list[Tensor | None](averages), foreach=False, **settings)


def _those(tensors: Sequence[Tensor], places: list[int]) -> list[Tensor]:
    return [tensors[place] for place in places]


def _gradients(parameters: Iterable[Tensor]) -> list[Tensor]:
    return [p.grad for p in parameters if p.grad is not None]


def _can_be_fused(tensor: Tensor) -> bool:
    """Whether it holds real numbers and fills its memory without gaps, in any order of axes."""
    pairs = zip(tensor.shape, tensor.stride(), strict=True)
    extent = 1 + sum((size - 1) * stride for size, stride in pairs)
    return tensor.is_floating_point() and tensor.numel() == extent
