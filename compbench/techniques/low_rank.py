"""Low-rank factorisation: one large layer becomes two to four small ones."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, PositiveInt, model_validator

from compbench.contracts import FineTuning, NullCase, TorchTechnique, Trainer, TrainingData
from compbench.errors import JobFailed, nearest
from compbench.toolkit.factorise.convolution import Cp, Spatial, Tucker
from compbench.toolkit.factorise.linear import Factors, Svd
from compbench.toolkit.layers import left, output_layers, replaceable, tied, weighty
from compbench.toolkit.masks import keeping_zeros
from compbench.training.losses import taught

if TYPE_CHECKING:
    from torch import Tensor, nn


class Technique(FineTuning, TorchTechnique):
    """Truncated SVD of linear layers, and of convolutions what `method` says; fine-tune.

    `tucker`: 1×1, h×w, 1×1 convolutions (Kim et al., arXiv:1511.06530); `spatial`: h×1, 1×w
    (Jaderberg et al., arXiv:1405.3866); `cp`: 1×1, h×1, 1×w, 1×1 (Lebedev et al.,
    arXiv:1412.6553). Ranks come from one of: `ratio`, the same share of each layer's full rank;
    `energy`, in each layer the smallest rank that retains that share of the weight's squares;
    `budget`, for the whole net: from full ranks down, the cheapest loss of energy for a parameter
    saved first, until that share of the parameters is left. A layer is left as it is where its
    factors would have no fewer parameters, and so is the one that gives the logits.
    """

    family: ClassVar[str] = "low rank"
    libraries: ClassVar[tuple[str, ...]] = ("tensorly",)
    undoes: ClassVar[tuple[str, ...]] = ("zeros", "shared weights")
    null_case: ClassVar[NullCase] = NullCase({"ratio": 1.0, "epochs": 0})

    method: Literal["tucker", "spatial", "cp"] = Field(
        default="tucker", description="how convolutions are factorised"
    )
    ratio: float | None = Field(
        default=None, gt=0, le=1, description="rank kept, as a share of the full rank (0.25)"
    )
    energy: float | None = Field(
        default=None, gt=0, le=1, description="share of each weight's squares to retain"
    )
    budget: float | None = Field(
        default=None, gt=0, le=1, description="share of the net's parameters to keep"
    )
    ranks: dict[str, PositiveInt] = Field(
        default_factory=dict, description="ranks of some layers, by the layer's name"
    )

    @model_validator(mode="after")
    def _one_measure(self) -> Technique:
        given = [n for n in ("ratio", "energy", "budget") if getattr(self, n) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} each say how far to go; keep one")
        if self.method == "cp" and given and given != ["ratio"]:
            raise ValueError(f"cp's energy has no closed form, so it takes ratio, not {given[0]}")
        if self.ranks and self.budget is not None:
            raise ValueError("a budget chooses all ranks: remove ranks")
        return self

    def build(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> nn.Module:
        """The factorised module, fine-tuned: images (N, C, H, W) -> logits (N, K)."""
        model = copy.deepcopy(parents[0])
        layers, others = self._layers(model, fit.example(model))
        for path, rank in self._chosen(layers, others, model).items():
            if layers[path].parameters(rank) < _parameters(layers[path].layer):
                model.set_submodule(path, layers[path].make(rank))
        whole = [path for path, factors in layers.items() if _is_at(model, path, factors.layer)]
        others |= dict.fromkeys(whole, "its factors would be no smaller")
        if others:
            fit.note(left(others))
        return fit(model, self, taught(parents[0], self, data, fit), keeping_zeros(model))

    def _layers(
        self, model: nn.Module, example: tuple[Tensor, ...]
    ) -> tuple[dict[str, Factors], dict[str, str]]:
        """The layers that can be factorised, and why the others can't, by their paths."""
        from torch import nn

        kinds: dict[type[nn.Module], type[Factors]] = {
            nn.Linear: Svd,
            nn.Conv2d: {"tucker": Tucker, "spatial": Spatial, "cp": Cp}[self.method],
        }
        found: dict[str, Factors] = {}
        others: dict[str, str] = {}
        last, shared = output_layers(model, example), tied(model)
        for path, layer in weighty(model).items():
            if path in last:
                continue
            if type(layer) not in kinds:  # a class derived from one may use its weight otherwise
                others[path] = type(layer).__name__
            elif path in shared:
                others[path] = "its weight is another's too"
            elif isinstance(layer, nn.Conv2d) and layer.groups > 1:
                others[path] = f"{layer.groups} groups"
            elif isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1):
                others[path] = "a 1×1 convolution"
            elif not replaceable(model, path, example):
                others[path] = "its weight is used without it"
            else:
                found[path] = kinds[type(layer)](layer)  # type: ignore[arg-type]
        return found, others

    def _chosen(
        self, layers: Mapping[str, Factors], others: Mapping[str, str], model: nn.Module
    ) -> dict[str, int]:
        for path, rank in self.ranks.items():
            if path in others:
                raise JobFailed(f"ranks: layer '{path}' can't be factorised: {others[path]}")
            if path not in layers:
                raise JobFailed(f"ranks: there is no layer '{path}'{nearest(path, layers)}")
            if rank > layers[path].full_rank:
                raise JobFailed(
                    f"ranks: layer '{path}' has rank {layers[path].full_rank} at most, not {rank}"
                )
        free = {path: factors for path, factors in layers.items() if path not in self.ranks}
        if self.budget is not None:
            chosen = within_budget(free, self.budget * _parameters(model), _parameters(model))
        elif self.energy is not None:
            chosen = {path: smallest_rank(factors, self.energy) for path, factors in free.items()}
        else:
            share = 0.25 if self.ratio is None else self.ratio
            chosen = {path: ceil(share * factors.full_rank) for path, factors in free.items()}
        return chosen | self.ranks


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
    saved comes first. Layers that are missing in the result stay as they are. Raises JobFailed
    where not even ranks of 1 are few enough.
    """
    ranks: dict[str, int] = {}

    def step(path: str) -> tuple[float, int, int] | None:
        """Energy lost for a parameter saved, parameters saved, and the rank after the step."""
        factors = layers[path]
        whole = _parameters(factors.layer)
        now = ranks.get(path)
        rank = factors.full_rank if now is None else now - 1
        before = whole if now is None else factors.parameters(now)
        while rank >= 1 and factors.parameters(rank) >= before:
            rank -= 1
        if rank < 1:
            return None
        saved = before - factors.parameters(rank)
        lost = (1.0 if now is None else factors.retained(now)) - factors.retained(rank)
        return lost / saved, saved, rank

    steps = {path: step(path) for path in layers}
    while parameters > budget:
        possible = {path: found for path, found in steps.items() if found}
        if not possible:
            raise JobFailed(f"budget: {parameters:,} parameters are left with every rank at 1")
        path = min(possible, key=lambda p: possible[p][0])
        _, saved, ranks[path] = possible[path]
        parameters -= saved
        steps[path] = step(path)
    return ranks


def _is_at(model: nn.Module, path: str, layer: nn.Module) -> bool:
    return model.get_submodule(path) is layer


def _parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())
