"""Weight sharing: each layer's weights take a few values, so that they code in a few bits."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from compbench.contracts import FineTuning, NullCase, TorchTechnique, Trainer, TrainingData
from compbench.toolkit import layers
from compbench.training.losses import taught

if TYPE_CHECKING:
    from torch import Tensor, nn


class Technique(FineTuning, TorchTechnique):
    """k-means over each layer's weights, then fine-tuning of the 2^bits shared values.

    Weights that are exactly zero stay so and are no part of the clusters. The centroids start
    evenly between the extremes; the gradient of a centroid is the sum of its weights' gradients.
    The file holds the shared values as floats: it is as large and as fast as before, and gets small
    when it is packed or entropy-coded. Source: Han, Mao, Dally, "Deep Compression",
    arXiv:1510.00149, section 3. Weights are those that `prune_weights` prunes.
    """

    family: ClassVar[str] = "shared weights"
    libraries: ClassVar[tuple[str, ...]] = ("scikit-learn",)
    leaves: ClassVar[str] = "shared weights"
    undoes: ClassVar[tuple[str, ...]] = ("shared weights",)
    null_case: ClassVar[NullCase] = NullCase({"bits": 16, "epochs": 0})

    bits: int = Field(
        default=5, ge=1, le=16, description="a layer has 2^bits different weights besides zero"
    )
    layer_bits: dict[str, Annotated[int, Field(ge=1, le=16)]] = Field(
        default_factory=dict, description="other bits for some layers, by the layer's name"
    )
    keep: tuple[str, ...] = Field(
        default=(), description="layers to leave as they are, or blocks of them"
    )
    embeddings: bool = Field(
        default=False, description="cluster embeddings too, whose rows are looked up"
    )
    epochs: int = Field(default=2, ge=0, description="epochs of fine-tuning the shared values")
    learning_rate: float = Field(
        default=2e-4, gt=0, description="peak learning rate of the schedule"
    )

    def build(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> nn.Module:
        """The module with shared weights; what it takes and gives is the parent's."""
        model = copy.deepcopy(parents[0])
        weights = layers.prunable(model, self.keep, self.embeddings)
        bits = self._bits(model, weights)
        others = layers.unprunable(model, layers.prunable(model, embeddings=self.embeddings))
        zero = {name: "all its weights are zero" for name, w in weights.items() if not w.any()}
        could = len(weights) - len(zero)
        kept = {} if could else dict.fromkeys(self.keep, "keep")
        layers.say_what_was_left(fit, "clustered", could, others | zero | kept)
        few = [name for name, w in weights.items() if _values(w) <= 2 ** bits[name]]
        if len(few) == len(weights):
            reasons = {name: f"no more than 2^{bits[name]} different weights" for name in few}
            layers.say_what_was_left(fit, "clustered", 0, reasons, asked=False)
        loss = taught(parents[0], self, data, fit)
        share(weights, model, bits)
        fit(model, self, loss)
        unshare(model)
        return model

    def _bits(self, model: nn.Module, weights: Iterable[str]) -> dict[str, int]:
        """The bits of each weight; of the names in `layer_bits` that mean it the longest counts."""
        bits = dict.fromkeys(weights, self.bits)
        known = layers.prunable(model, embeddings=self.embeddings)
        for name in sorted(self.layer_bits, key=len):
            meant = layers.chosen(name, known, "layer_bits")
            bits |= dict.fromkeys(bits.keys() & meant, self.layer_bits[name])
        return bits


def _values(weight: Tensor) -> int:
    """How many different values a weight has, zero aside."""
    values = weight.detach().unique()
    return int((values != 0).sum())


def share(weights: Mapping[str, nn.Parameter], model: nn.Module, bits: Mapping[str, int]) -> None:
    """Parametrise each of the net's weights by its centroids, in place.

    Where a weight stands in several places, under whatever name, it gets the same centroids in all
    of them, and they stay tied.
    """
    from torch.nn.utils import parametrize

    for name, weight in weights.items():
        found = layers.places(model, weight)
        if not weight.any():
            continue
        shared = _shared(*clustered(weight.detach(), 2 ** bits[name]))
        for layer, own in found:
            parametrize.register_parametrization(layer, own, shared, unsafe=True)
        for layer, own in found[1:]:
            _list(layer, own).original = _list(*found[0]).original


def _list(layer: Any, own: str) -> Any:
    """What torch keeps of a parametrised weight."""
    return layer.parametrizations[own]


def unshare(model: nn.Module) -> None:
    """Turn the shared weights into ordinary ones with the same values, in place."""
    from torch import nn
    from torch.nn.utils import parametrize

    made: dict[int, nn.Parameter] = {}  # by what the places that are tied have in common
    found = [(m, own) for m in model.modules() for own in shared_names(m)]
    learned = [_list(*place).original for place in found]
    for (layer, own), original in zip(found, learned, strict=True):
        _list(layer, own).original = nn.Parameter(original.detach().clone())  # is overwritten
        value = getattr(layer, own).detach().clone()
        parametrize.remove_parametrizations(layer, own)
        made.setdefault(id(original), nn.Parameter(value))
        setattr(layer, own, made[id(original)])  # what was removed left a view of another's memory


def shared_names(module: nn.Module) -> list[str]:
    """The weights of a module that `share` parametrised, and not the net itself."""
    from torch.nn.utils import parametrize

    if not parametrize.is_parametrized(module):
        return []
    return [own for own, by in module.parametrizations.items() if hasattr(by[0], "centroids")]  # type: ignore[operator, union-attr]


def clustered(weight: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """k-means of the non-zero weights: centroids (K + 1,), the first 0; indices like `weight`.

    K is `count`, or as many different values as there are.
    """
    import numpy as np
    import torch
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    values = weight.cpu().flatten().double().numpy()
    nonzero = values[values != 0]
    distinct = np.unique(nonzero)
    indices = np.zeros(len(values), np.int64)
    if len(distinct) <= count:
        centroids, labels = distinct, np.searchsorted(distinct, nonzero)
    else:
        start = np.linspace(distinct[0], distinct[-1], count)[:, None]
        means = KMeans(count, init=start, n_init=1)  # pyright: ignore[reportArgumentType]
        with threadpool_limits(1):  # sums in an order of its own on each run otherwise
            labels = means.fit_predict(nonzero[:, None])
        centroids = means.cluster_centers_[:, 0]
    indices[values != 0] = labels + 1
    table = torch.from_numpy(np.concatenate([[0.0], centroids])).to(weight.dtype)
    places = torch.from_numpy(indices).view(weight.shape)
    return table.to(weight.device), places.to(weight.device)


def _shared(centroids: Tensor, indices: Tensor) -> nn.Module:
    import torch
    from torch import nn

    class Shared(nn.Module):
        """Centroids (K + 1,) -> a weight; the first centroid is 0 and gets no gradient."""

        indices: Tensor
        centroids: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("indices", indices)
            self.register_buffer("centroids", centroids)

        def forward(self, learned: Tensor) -> Tensor:
            return torch.cat([learned.new_zeros(1), learned])[self.indices]

        def right_inverse(self, weight: Tensor) -> Tensor:
            return self.centroids[1:].clone()

    return Shared()
