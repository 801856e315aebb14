"""Weight sharing: each layer's weights take a few values, so that they code in a few bits."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from compbench.contracts import FineTuning, NullCase, TorchTechnique, Trainer, TrainingData
from compbench.errors import JobFailed
from compbench.toolkit.layers import prunable
from compbench.toolkit.masks import refuse_nothing
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

    bits: int = Field(
        default=5, ge=1, le=16, description="a layer has 2^bits different weights besides zero"
    )
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
        refuse_nothing(model, self.keep, fit)
        share(model, self._bits(model))
        fit(model, self, taught(parents[0], self, data, fit))
        unshare(model)
        return model

    def _bits(self, model: nn.Module) -> dict[str, int]:
        weights = prunable(model, self.keep)
        prunable(model, self.layer_bits)  # complains of a name that is no layer's
        return {path: self.layer_bits.get(path, self.bits) for path in weights}


def share(model: nn.Module, bits: Mapping[str, int]) -> None:
    """Parametrise each named layer's weight by its centroids, in place.

    Modules with the same weight get the same centroids, and stay tied. Raises JobFailed, naming the
    layer, where one of them has it under another name.
    """
    from torch.nn.utils import parametrize

    for path, width in bits.items():
        weight = model.get_submodule(path).get_parameter("weight")
        layers = _sharing(model, path, weight)
        if not weight.any():
            continue
        shared = _shared(*clustered(weight.detach(), 2**width))
        for layer in layers:
            parametrize.register_parametrization(layer, "weight", shared, unsafe=True)
        for layer in layers[1:]:
            _list(layer).original = _list(layers[0]).original


def _sharing(model: nn.Module, path: str, weight: Tensor) -> list[nn.Module]:
    """The modules whose weight this is."""
    found = []
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter is weight and name != "weight":
                raise JobFailed(
                    f"the weight of layer '{path}' is also the '{name}' of a "
                    f"{type(module).__name__}, so it can't be clustered: name it in keep"
                )
            if parameter is weight:
                found.append(module)
    return found


def _list(layer: Any) -> Any:
    """What torch keeps of a parametrised weight."""
    return layer.parametrizations.weight


def unshare(model: nn.Module) -> None:
    """Turn the shared weights into ordinary ones with the same values, in place."""
    from torch import nn
    from torch.nn.utils import parametrize

    made: dict[int, nn.Parameter] = {}  # by what the layers that are tied have in common
    layers = [m for m in model.modules() if is_shared(m)]
    learned = [_list(layer).original for layer in layers]
    for layer, original in zip(layers, learned, strict=True):
        _list(layer).original = nn.Parameter(original.detach().clone())  # it will be overwritten
        value = getattr(layer, "weight").detach().clone()  # noqa: B009
        parametrize.remove_parametrizations(layer, "weight")
        made.setdefault(id(original), nn.Parameter(value))
        layer.weight = made[id(original)]  # what was removed left a view of another's memory


def is_shared(module: nn.Module) -> bool:
    """Whether `share` parametrised this module, and not the net itself."""
    from torch.nn.utils import parametrize

    return parametrize.is_parametrized(module, "weight") and hasattr(_list(module)[0], "centroids")


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
