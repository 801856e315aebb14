"""Weight sharing: each layer's weights take a few values, so that they code in a few bits."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from compbench.contracts import FineTuning, NullCase, TorchTechnique, Trainer, TrainingData
from compbench.toolkit.layers import prunable
from compbench.training.losses import taught

if TYPE_CHECKING:
    from torch import Tensor, nn


class Technique(FineTuning, TorchTechnique):
    """k-means over each layer's weights, then fine-tuning of the 2^bits shared values.

    Weights that are exactly zero stay so and are no part of the clusters. The centroids start
    evenly between the extremes; the gradient of a centroid is the sum of its weights' gradients.
    The file holds the shared values as floats: it is as large and as fast as before, and gets small
    when it is packed or entropy-coded. Source: Han, Mao, Dally, "Deep Compression",
    arXiv:1510.00149, section 3.
    """

    family: ClassVar[str] = "shared weights"
    libraries: ClassVar[tuple[str, ...]] = ("scikit-learn",)
    leaves: ClassVar[str] = "shared weights"
    undoes: ClassVar[tuple[str, ...]] = ("shared weights",)
    null_case: ClassVar[NullCase] = NullCase({"bits": 16, "epochs": 0})

    bits: int = Field(default=5, ge=1, le=16, description="a layer has 2^bits different weights")
    layer_bits: dict[str, Annotated[int, Field(ge=1, le=16)]] = Field(
        default_factory=dict, description="other bits for some layers, by the layer's name"
    )
    keep: tuple[str, ...] = Field(default=(), description="layers to leave as they are")
    epochs: int = Field(default=2, ge=0, description="epochs of fine-tuning the shared values")
    learning_rate: float = Field(
        default=2e-4, gt=0, description="peak learning rate of the schedule"
    )

    def build(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> nn.Module:
        """The module with shared weights: images (N, C, H, W) -> logits (N, K)."""
        model = copy.deepcopy(parents[0])
        share(model, self._bits(model))
        fit(model, self, taught(parents[0], self, data, fit))
        unshare(model)
        return model

    def _bits(self, model: nn.Module) -> dict[str, int]:
        weights = prunable(model, self.keep)
        prunable(model, self.layer_bits)  # complains of a name that is no layer's
        return {path: self.layer_bits.get(path, self.bits) for path in weights}


def share(model: nn.Module, bits: Mapping[str, int]) -> None:
    """Parametrise each named layer's weight by its centroids, in place."""
    from torch.nn.utils import parametrize

    for path, width in bits.items():
        layer = model.get_submodule(path)
        weight = layer.get_parameter("weight")
        if weight.any():
            centroids, indices = clustered(weight.detach(), 2**width)
            parametrize.register_parametrization(
                layer, "weight", _shared(centroids, indices), unsafe=True
            )


def unshare(model: nn.Module) -> None:
    """Turn the shared weights into ordinary ones with the same values, in place."""
    from torch import nn
    from torch.nn.utils import parametrize

    for layer in list(model.modules()):
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight")
            weight = layer.get_parameter("weight").detach().clone()
            layer.weight = nn.Parameter(weight)  # what was removed left a view of another's memory


def clustered(weight: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """k-means of the non-zero weights: centroids (K + 1,), the first 0; indices like `weight`.

    K is `count`, or as many different values as there are.
    """
    import numpy as np
    import torch
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    values = weight.flatten().double().numpy()
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
    return table, torch.from_numpy(indices).view(weight.shape)


def _shared(centroids: Tensor, indices: Tensor) -> nn.Module:
    import torch
    from torch import nn

    class Shared(nn.Module):
        """Centroids (K + 1,) -> a weight; the first centroid is 0 and gets no gradient."""

        indices: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("indices", indices)

        def forward(self, learned: Tensor) -> Tensor:
            return torch.cat([learned.new_zeros(1), learned])[self.indices]

        def right_inverse(self, weight: Tensor) -> Tensor:
            return centroids[1:].clone()

    return Shared()
