"""Low-rank factorisation: one large layer becomes two to four small ones."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, PositiveInt, model_validator

from compbench.contracts import FineTuning, NullCase, TorchTechnique, Trainer, TrainingData
from compbench.errors import JobFailed, nearest
from compbench.toolkit.factorise.convolution import Cp, Pointwise, Spatial, Tucker
from compbench.toolkit.factorise.linear import Factors, Svd
from compbench.toolkit.factorise.ranks import (
    parameters_of,
    refuse_budget,
    smallest_rank,
    within_budget,
)
from compbench.toolkit.layers import (
    chosen,
    output_layers,
    replace,
    replaceable,
    say_what_was_left,
    tied,
    weighty,
)
from compbench.toolkit.masks import keeping_zeros
from compbench.training.losses import taught

if TYPE_CHECKING:
    from torch import Tensor, nn


_LAST = "it gives the net's output"
_KEPT = "keep"
_EXPECTED = (_LAST, _KEPT)  # what is left by rule or by wish needs no note


class Technique(FineTuning, TorchTechnique):
    """Truncated SVD of linear and pointwise layers, and of convolutions what `method` says.

    `tucker`: pointwise, h×w, pointwise convolutions (Kim et al., arXiv:1511.06530); `spatial`: h×1,
    1×w (Jaderberg et al., arXiv:1405.3866); `cp`: pointwise, h×1, 1×w, pointwise (Lebedev et al.,
    arXiv:1412.6553); likewise with one axis or three. Ranks come from one of: `ratio`, the same
    share of each layer's full rank; `energy`, in each layer the smallest rank that retains that
    share of the weight's squares; `budget`, for the whole net: from full ranks down, the cheapest
    loss of energy for a parameter saved first, until that share of the parameters is left. A layer
    is left as it is where its factors would have no fewer parameters, where it has groups or shares
    its weight, and so is the one that gives the logits. Then it is fine-tuned.
    """

    family: ClassVar[str] = "low rank"
    libraries: ClassVar[tuple[str, ...]] = ("tensorly",)
    undoes: ClassVar[tuple[str, ...]] = ("zeros", "shared weights")
    null_case: ClassVar[NullCase] = NullCase({"ratio": 1.0, "epochs": 0})

    method: Literal["tucker", "spatial", "cp"] = Field(
        default="tucker", description="how convolutions are factorised"
    )
    ratio: float | None = Field(
        default=0.25,
        gt=0,
        le=1,
        description="rank kept, as a share of the full rank; none where energy or budget is given",
    )
    energy: float | None = Field(
        default=None, gt=0, le=1, description="instead: share of each weight's squares to retain"
    )
    budget: float | None = Field(
        default=None, gt=0, le=1, description="instead: share of the net's parameters to keep"
    )
    ranks: dict[str, PositiveInt] = Field(
        default_factory=dict, description="ranks of some layers, by the layer's name"
    )
    keep: tuple[str, ...] = Field(
        default=(), description="layers to leave as they are, or blocks of them"
    )

    @model_validator(mode="before")
    @classmethod
    def _no_ratio_beside_another(cls, given: dict[str, Any]) -> dict[str, Any]:
        others = {"energy", "budget"} & given.keys()
        return {"ratio": None, **given} if others else given

    @model_validator(mode="after")
    def _one_measure(self) -> Technique:
        given = [n for n in ("ratio", "energy", "budget") if getattr(self, n) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} each say how far to go; keep one")
        if not given:
            raise ValueError("one of ratio, energy and budget must say how far to go")
        if self.method == "cp" and given != ["ratio"]:
            raise ValueError(f"cp's energy has no closed form, so it takes ratio, not {given[0]}")
        if self.ranks and self.budget is not None:
            raise ValueError("a budget chooses all ranks: remove ranks")
        return self

    def build(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> nn.Module:
        """The factorised module, fine-tuned; what it takes and gives is the parent's."""
        model = copy.deepcopy(parents[0])
        layers, others = self._layers(model, fit.example(model))
        done = 0
        for path, rank in self._chosen(layers, others, model).items():
            if layers[path].parameters(rank) < parameters_of(layers[path].layer):
                replace(model, path, layers[path].make(rank))
                done += 1
        for path, factors in layers.items():
            if model.get_submodule(path) is factors.layer:
                others[path] = "its factors would be no smaller"
        asked = 1.0 not in (self.ratio, self.energy, self.budget)
        unexpected = {path: why for path, why in others.items() if why not in _EXPECTED}
        say_what_was_left(fit, "factorised", done, unexpected if done else others, asked)
        return fit(model, self, taught(parents[0], self, data, fit), keeping_zeros(model))

    def _layers(
        self, model: nn.Module, example: tuple[Tensor, ...]
    ) -> tuple[dict[str, Factors], dict[str, str]]:
        """The layers that can be factorised, and why the others can't, by their paths."""
        weights = weighty(model)
        kept = {path for name in self.keep for path in chosen(name, weights, "keep")}
        last, shared = output_layers(model, example), tied(model)
        possible: dict[str, type[Factors]] = {}
        others: dict[str, str] = {}
        for path, layer in weights.items():
            kind = self._factors(layer)
            if path in last:
                others[path] = _LAST
            elif path in kept:
                others[path] = _KEPT
            elif path in shared:
                others[path] = "its weight is another's too"
            elif isinstance(kind, str):
                others[path] = kind
            else:
                possible[path] = kind
        free = replaceable(model, possible, example)
        others |= {path: "its weight is used without it" for path in possible if path not in free}
        return {path: possible[path](weights[path]) for path in free}, others

    def _factors(self, layer: Any) -> type[Factors] | str:
        """What factorises a layer, or why nothing does."""
        from torch import nn

        if type(layer) not in (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d):
            if isinstance(layer, nn.modules.linear.NonDynamicallyQuantizableLinear):
                return "attention reads its weight"
            return type(layer).__name__  # a derived class may use its weight otherwise
        if "weight" not in layer._parameters:  # as torch's older norms of weights leave it
            return "its weight is computed from others"
        if isinstance(layer, nn.Linear):
            return Svd
        if layer.groups > 1:
            return "depthwise" if layer.groups == layer.in_channels else f"{layer.groups} groups"
        if max(layer.kernel_size) == 1:
            return Pointwise
        return {"tucker": Tucker, "spatial": Spatial, "cp": Cp}[self.method]

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
            refuse_budget(model, free, others, self.budget)
            whole = parameters_of(model)
            ranks = within_budget(free, self.budget * whole, whole)
        elif self.energy is not None:
            ranks = {path: smallest_rank(factors, self.energy) for path, factors in free.items()}
        else:
            assert self.ratio is not None, "one of the three is given"
            # 0.07 · 100 is a bit more than 7 in floating point
            ranks = {path: ceil(self.ratio * each.full_rank - 1e-9) for path, each in free.items()}
        return ranks | self.ranks
