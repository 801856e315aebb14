"""What a dataset file gives, and the data a technique may see."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from compbench.contracts.inputs import PIXELS, Array, Inputs, Signature
from compbench.contracts.options import Options
from compbench.contracts.task import TaskBase

Way = Literal["channel", "all", "none"]  # by what an input's batches are normalised

_CHUNK = 1 << 26  # bytes of samples that are looked at together
_MOST = 4096  # of them


class Split:
    """Samples: named raw inputs (N, …) and targets (N, …), in memory or memory-mapped.

    With `rows`, only those samples of the arrays, in that order; nothing is copied.
    """

    def __init__(self, inputs: Inputs, targets: Array, rows: NDArray[np.int64] | None = None):
        self._stored = dict(inputs)
        self._rows = rows
        self.targets: NDArray[Any] = np.asarray(targets if rows is None else targets[rows])

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def names(self) -> tuple[str, ...]:
        """The inputs."""
        return tuple(self._stored)

    @property
    def kinds(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Of each input the type as numpy calls it, and the shape of a sample."""
        return {name: (a.dtype.name, a.shape[1:]) for name, a in self._stored.items()}

    @property
    def lengths(self) -> dict[str, int]:
        """How many samples each input has; as many as there are targets, where all is right."""
        stored = {name: len(array) for name, array in self._stored.items()}
        return stored if self._rows is None else dict.fromkeys(stored, len(self._rows))

    @property
    def stored(self) -> Mapping[str, Array]:
        """The arrays that its samples are in."""
        return self._stored

    @property
    def rows(self) -> NDArray[np.int64] | None:
        """Which samples of the stored arrays are its own; None: all."""
        return self._rows

    @property
    def is_in_memory(self) -> bool:
        """Whether all inputs are; else they are read from files when they are taken."""
        return not any(isinstance(array, np.memmap) for array in self._stored.values())

    @property
    def arrays(self) -> dict[str, Array]:
        """All raw inputs; where they are memory-mapped with `rows` they are read now."""
        return self.first(len(self))

    def take(self, indices: NDArray[np.int64]) -> dict[str, Array]:
        """The raw inputs of these samples, in memory."""
        rows = indices if self._rows is None else self._rows[indices]
        return {name: _taken(array, rows) for name, array in self._stored.items()}

    def first(self, count: int) -> dict[str, Array]:
        """The raw inputs of the first samples."""
        if self._rows is not None:
            return self.take(np.arange(min(count, len(self))))
        return {name: array[:count] for name, array in self._stored.items()}

    def chunks(self) -> Iterator[dict[str, Array]]:
        """All raw inputs, in order, as many samples at a time as are 64 MiB, or one."""
        sample = sum(a.itemsize * int(np.prod(a.shape[1:])) for a in self._stored.values())
        return self.batches(max(1, min(_MOST, _CHUNK // max(1, sample))))

    def batches(self, size: int) -> Iterator[dict[str, Array]]:
        """All raw inputs, in order, so many samples at a time; the last batch has those left."""
        for start in range(0, len(self), size):
            stop = min(start + size, len(self))
            if self._rows is None:
                yield {name: array[start:stop] for name, array in self._stored.items()}
            else:
                yield self.take(np.arange(start, stop))

    def part(self, indices: NDArray[np.int64]) -> Split:
        """These samples as a split of their own: copied where they are in memory."""
        if self.is_in_memory:
            return Split(self.take(indices), self.targets[indices])
        rows = indices if self._rows is None else self._rows[indices]
        return self._of(rows, self.targets[indices])

    def with_targets(self, targets: Array) -> Split:
        """The same inputs with other targets."""
        return self._of(self._rows, targets)

    def _of(self, rows: NDArray[np.int64] | None, targets: Array) -> Split:
        own = Split(self._stored, targets)
        own._rows = rows
        return own


def _taken(array: Array, rows: NDArray[np.int64]) -> Array:
    """Some rows in memory; of a file they are read in the order in which they lie there."""
    if not isinstance(array, np.memmap):
        return array[rows]
    found = np.empty((len(rows), *array.shape[1:]), array.dtype)
    order = np.argsort(rows)
    found[order] = array[rows[order]]
    return found


@dataclass(frozen=True)
class TrainingData:
    """All the data a technique can see. There is no test split here, so none can leak.

    `class_names` are in the order of the labels; empty where they have none.
    """

    train: Split
    validation: Split
    task: TaskBase
    signature: Signature
    class_names: tuple[str, ...] = ()

    def prepared(self, raw: Inputs) -> dict[str, Array]:
        """A batch of raw inputs as models take them."""
        return self.signature.prepared(raw)


@dataclass(frozen=True)
class Companion:
    """A file that is needed where a model is used, such as a tokenizer, and what it is for."""

    content: bytes
    use: str


@dataclass(frozen=True)
class Samples:
    """What a dataset file loads; where it has no test or validation split, they are cut from train.

    `outputs` are the classes, labels, values or tokens that models give; `class_names` has their
    names in the order of the labels, if they have some. `normalise` says how an input's batches are
    prepared: by the mean and deviation of each channel (axis 1), or of all its values, of the
    training split, or not at all; images of uint8 by channel, others not, where nothing is said.
    `free_axes` are those whose length may differ from batch to batch, for instance (0,) for tokens
    (N, L). `values` says of inputs of integers that stand for something, as tokens do, how many
    there are, and `rates` of sounds how many samples a second have. `companions` are files, by
    name, without which the inputs can't be made: they go with an exported model.
    """

    train: Split
    test: Split | None = None
    validation: Split | None = None
    outputs: int | None = None
    class_names: tuple[str, ...] = ()
    normalise: Mapping[str, Way] = field(default_factory=dict)
    free_axes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    values: Mapping[str, int] = field(default_factory=dict)
    rates: Mapping[str, int] = field(default_factory=dict)
    companions: Mapping[str, Companion] = field(default_factory=dict)

    @classmethod
    def of_images(
        cls,
        images: NDArray[np.uint8],
        labels: NDArray[Any],
        test_images: NDArray[np.uint8] | None = None,
        test_labels: NDArray[Any] | None = None,
        **more: Any,
    ) -> Samples:
        """Of pixels uint8 (N, C, H, W) and labels (N,) of any integer type, 0 to classes - 1."""
        if (test_images is None) != (test_labels is None):
            raise ValueError("of test_images and test_labels one is None: give both or none")
        test = None
        if test_images is not None and test_labels is not None:
            test = Split({PIXELS: test_images}, test_labels)
        return cls(Split({PIXELS: images}, labels), test, **more)


class DatasetSource(Options, ABC):
    """Base of the class `Dataset` in every file of `datasets/`; its fields are options in a suite.

    `task` is the name of the task that its targets are for. Where classes are always the same,
    `classes` says how many there are and `class_names` their names in the order of the labels:
    files that are made say them. Else `load` tells both.
    """

    libraries: ClassVar[tuple[str, ...]] = ()
    task: ClassVar[str] = "classification"
    classes: ClassVar[Any] = None
    class_names: ClassVar[tuple[str, ...]] = ()

    preprocess: Literal["before", "in_graph"] = Field(
        default="before",
        description="where raw inputs are normalised: before a file gets them, or in its graph, so "
        "that it takes raw ones",
    )

    @property
    def own_task(self) -> str:
        """The name of the task where a suite names none; an option may decide it."""
        return type(self).task

    @abstractmethod
    def fingerprint(self, data_dir: Path) -> str | None:
        """A digest of the source's content, without torch or network; None where it is absent."""

    @abstractmethod
    def load(self, data_dir: Path) -> Samples:
        """Read the samples, downloading them where they are absent and can be."""
