"""A dataset's samples -> train, validation and test splits, and how inputs are prepared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compbench.contracts import (
    Companion,
    DatasetSource,
    Input,
    Normalisation,
    Samples,
    Signature,
    Split,
    TaskBase,
    TrainingData,
    kinds,
)
from compbench.data import samples as sources
from compbench.data import stratification
from compbench.data.samples import wrong
from compbench.errors import UserError
from compbench.registry import registry

VALIDATION_SHARE = 0.1  # of the samples that are not test samples
SMALL_VALIDATION_SHARE = 0.2  # where a source has fewer than 10,000 samples
TEST_SHARE = 0.2  # where the source has no test split of its own
MEASURED = 4096  # test samples that measurements of speed and memory go through at most


@dataclass(frozen=True)
class Data:
    """A loaded dataset: what techniques may see, and the test split."""

    training: TrainingData
    test: Split
    options: Mapping[str, Any] = field(default_factory=dict)  # the dataset's, as a suite has them
    companions: Mapping[str, Companion] = field(default_factory=dict)  # files that users need

    @property
    def measured(self) -> dict[str, NDArray[Any]]:
        """The raw test inputs that files are timed and weighed on."""
        return self.test.first(MEASURED)

    @property
    def class_names(self) -> tuple[str, ...]:
        """In the order of the labels; empty where they have none."""
        return self.training.class_names

    @property
    def task(self) -> TaskBase:
        """What outputs mean."""
        return self.training.task

    @property
    def signature(self) -> Signature:
        """What models take and give."""
        return self.training.signature


def load(source: DatasetSource, data_dir: Path, task: TaskBase | None = None) -> Data:
    """Splits of a source, stratified where there are classes; inputs are described, not changed.

    The task is the dataset's own where none is given.
    """
    task = task or kinds.made_task(source.own_task)
    name = registry.name_of(type(source))
    samples = sources.load(source, task, data_dir)
    train, test, validation = samples.train, samples.test, samples.validation
    if test is None:
        train, test = _divided(train, TEST_SHARE, task, name)
    if validation is None:
        share = VALIDATION_SHARE if len(train) >= 10_000 else SMALL_VALIDATION_SHARE
        train, validation = _divided(train, share, task, name)
    assert samples.outputs is not None
    if all(_is_constant(train, name) for name in train.names):
        shown = ", ".join(f"{n} is {train.first(1)[n].flat[0]}" for n in train.names)
        raise wrong(
            source,
            f"every value of the training split's {shown}: there is nothing to tell samples apart "
            "by",
        )
    inputs = {name: _described(source, samples, train, name) for name in train.names}
    in_graph = source.preprocess == "in_graph"
    signature = Signature(inputs, samples.outputs, task.output, in_graph)
    return Data(
        TrainingData(train, validation, task, signature, samples.class_names),
        test,
        source.model_dump(mode="json"),
        samples.companions,
    )


def _is_constant(train: Split, name: str) -> bool:
    first = train.first(1)[name].flat[0]
    return all((batch[name] == first).all() for batch in train.chunks())


def _described(source: DatasetSource, samples: Samples, train: Split, name: str) -> Input:
    dtype, shape = train.kinds[name]
    is_image = dtype == "uint8" and len(shape) == 3
    way = samples.normalise.get(name, "channel" if is_image else "none")
    if way == "none":
        normalisation = None
        if is_image:
            normalisation = Normalisation((0.0,), (1.0,), 255.0)
    else:
        normalisation = _normalisation(
            train, name, way == "all", 255.0 if dtype == "uint8" else 1.0
        )
    return Input(
        dtype,
        shape,
        _safe(normalisation),
        tuple(samples.free_axes.get(name, ())),
        samples.values.get(name),
        samples.rates.get(name),
    )


def _normalisation(train: Split, name: str, is_whole: bool, full: float) -> Normalisation:
    """The mean and deviation of each channel, or of all values, of a split."""

    def values() -> Iterator[NDArray[Any]]:
        for batch in train.chunks():
            array = batch[name]
            flat = array[None] if is_whole else np.moveaxis(array, 1, 0)
            yield flat.reshape(len(flat), -1)

    if train.kinds[name][0] == "uint8":
        counts = sum(np.stack([np.bincount(c, minlength=256) for c in part]) for part in values())
        share, levels = counts / np.sum(counts, 1, keepdims=True), np.arange(256) / full
        mean = share @ levels
        square = (share * np.square(levels - mean[:, None])).sum(1)
    else:
        count = sum(part.shape[1] for part in values())
        mean = sum(part.sum(1, dtype=np.float64) for part in values()) / count
        mean = np.asarray(mean) / full
        square = sum(
            np.square(part / full - mean[:, None], dtype=np.float64).sum(1) for part in values()
        )
        square = square / count
    return Normalisation(tuple(map(float, mean)), tuple(map(float, np.sqrt(square))), full)


def _safe(normalisation: Normalisation | None) -> Normalisation | None:
    """A channel that never varies is only moved to 0."""
    if normalisation is None or all(normalisation.std):
        return normalisation
    std = tuple(one or 1.0 for one in normalisation.std)
    return Normalisation(normalisation.mean, std, normalisation.full)


def _divided(split: Split, share: float, task: TaskBase, name: str) -> tuple[Split, Split]:
    """The rest and a share of a split, with every class represented alike where there are classes.

    Raises UserError where a class has too few samples to be in both.
    """
    labels = split.targets if task.has_classes else None
    try:
        rest, part = stratification.divided(len(split), share, 0, labels)
    except UserError as error:
        raise UserError(f"the dataset '{name}': {error}") from error
    return split.part(rest), split.part(part)
