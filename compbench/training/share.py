"""Which samples of the training split a training sees, and of which it knows the targets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compbench.contracts import SampleShare, TrainingData
from compbench.errors import JobFailed, nearest

_SEED = 0  # of the order in which samples join: one share is the same for all who ask for it


def rows(data: TrainingData, recipe: SampleShare) -> Tensor | None:
    """The places (R,) of the samples that a recipe trains on, rising; None where these are all.

    Raises JobFailed where nothing is left, or a class is none.
    """
    if recipe.data_share == 1 and not recipe.without_classes:
        return None
    found = share(data, recipe.data_share)
    if recipe.without_classes:
        absent = labels(data, recipe.without_classes, "without_classes")
        found = found[~np.isin(data.train.targets[found], absent)]
    if not len(found):
        raise JobFailed("data_share and without_classes leave no sample to train on")
    return torch.from_numpy(found)


def share(data: TrainingData, part: float) -> NDArray[np.int64]:
    """The places (R,) of a part of the training split, rising; the same at each call.

    Where samples have one class each, that part of each class, but at least one sample. A larger
    part has all of a smaller one.
    """
    targets = data.train.targets
    order = np.random.default_rng(_SEED).permutation(len(targets))
    if not _has_labels(data):
        return np.sort(order[: max(1, round(part * len(targets)))])
    kept = []
    for label in np.unique(targets):
        own = order[targets[order] == label]
        kept.append(own[: max(1, round(part * len(own)))])
    return np.sort(np.concatenate(kept))


def _has_labels(data: TrainingData) -> bool:
    return data.task.has_classes and data.train.targets.ndim == 1


def labels(data: TrainingData, names: Sequence[str | int], option: str) -> list[int]:
    """The labels of classes by their names or numbers.

    Raises JobFailed, with the option that names them, where there is no such class.
    """
    return [_label(data, name, option) for name in names]


def _label(data: TrainingData, name: str | int, option: str) -> int:
    if not _has_labels(data):
        raise JobFailed(f"{option}: the samples of this task have no one class each")
    if isinstance(name, str) and name in data.class_names:
        return data.class_names.index(name)
    if isinstance(name, int) and 0 <= name < data.signature.outputs:
        return name
    known = data.class_names or [*map(str, range(data.signature.outputs))]
    raise JobFailed(f"{option}: there is no class {name!r}{nearest(str(name), known)}")
