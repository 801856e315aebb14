"""How inputs may come to differ from those that a model was trained on: what a shift file gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from compbench.contracts.data import TrainingData
from compbench.contracts.inputs import Array, Input, Inputs
from compbench.contracts.options import Options

WORST = 5  # the highest severity; 0 changes nothing
SEVERITIES = tuple(range(1, WORST + 1))
SHIFT_WORDS = ("shift",)  # what a shift's table has beside its options

# raw inputs, a severity, and what is random -> new raw inputs, like the first ones
Change = Callable[[Inputs, int, np.random.Generator], dict[str, Array]]
Images = NDArray[np.float32]  # raw values (N, C, H, W)


class ShiftBase(Options, ABC):
    """Base of the class `Shift` in every file of `shifts/`: raw inputs in, worse raw inputs out.

    Names, types and shapes stay, and so does every value at severity 0. Higher severities are
    farther from the original. The same generator gives the same inputs, and is given anew for each
    batch at each severity, so that these differ in strength alone.
    """

    libraries: ClassVar[tuple[str, ...]] = ()

    severities: tuple[Annotated[int, Field(ge=1, le=WORST, strict=True)], ...] = Field(
        default=SEVERITIES, min_length=1, description="how strong: 1 is the least"
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="of all that is random in it")

    @field_validator("severities")
    @classmethod
    def _each_once(cls, severities: tuple[int, ...]) -> tuple[int, ...]:
        if len({*severities}) < len(severities):
            raise ValueError(f"{list(severities)} has one twice")
        return tuple(sorted(severities))

    @abstractmethod
    def misfit(self, inputs: Mapping[str, Input]) -> str | None:
        """Why a dataset of these inputs can't be shifted so, in a few words; None where it can."""

    @abstractmethod
    def begin(self, data: TrainingData) -> Change:
        """How batches are changed, where that depends on what was learnt from."""


class ImageShift(ShiftBase):
    """Base of shifts that change images (C, H, W), each by itself, and no other input."""

    def misfit(self, inputs: Mapping[str, Input]) -> str | None:
        """One input or more must be images."""
        if any(is_picture(one) for one in inputs.values()):
            return None
        return "changes images (C, H, W) of uint8 or floats"

    def begin(self, data: TrainingData) -> Change:
        """Every input of images is changed."""
        inputs = data.signature.inputs
        names = [name for name, one in inputs.items() if is_picture(one)]

        def change(raw: Inputs, severity: int, random: np.random.Generator) -> dict[str, Array]:
            found = dict(raw)
            for name in names:
                images = raw[name].astype(np.float32)
                found[name] = like(raw[name], self.images(images, inputs[name], severity, random))
            return found

        return change

    @abstractmethod
    def images(
        self, images: Images, known: Input, severity: int, random: np.random.Generator
    ) -> NDArray[Any]:
        """Changed images (N, C, H, W), in the values that they are stored in: pixels 0 to 255."""


def is_picture(one: Input) -> bool:
    """Whether an input is images of channels, whatever type their values have."""
    return len(one.shape) == 3 and (one.is_image or is_numeric(one))


def is_numeric(one: Input) -> bool:
    """Whether its values are measures, of which any fraction is one too."""
    return one.dtype.startswith("float")


def is_table(one: Input) -> bool:
    """Whether it is features (F,), no sound."""
    return is_numeric(one) and len(one.shape) == 1 and one.rate is None


def like(raw: Array, values: NDArray[Any]) -> Array:
    """New values as an input stores them: whole pixels from 0 to 255, or floats as they are."""
    if raw.dtype == np.uint8:
        values = np.rint(values).clip(0, 255)
    return values.astype(raw.dtype)


def moments(data: TrainingData, name: str, *, whole: bool = False) -> tuple[Array, Array]:
    """Mean and deviation of an input over the training split, as arrays that fit its batches.

    One for each place along axis 1 (a feature, a channel), or for all values. Two passes, since
    large values of little spread would lose it in one.
    """
    axes = tuple(axis for axis in range(_axes(data, name)) if axis != 1 or whole)
    count = sum(batch.size for batch in _batches(data, name))
    mean = sum(batch.sum(axes, np.float64, keepdims=True) for batch in _batches(data, name))
    each = np.asarray(mean).size
    mean = np.asarray(mean) * each / count
    square = sum(
        np.square(batch - mean).sum(axes, np.float64, keepdims=True)
        for batch in _batches(data, name)
    )
    return mean, np.sqrt(np.asarray(square) * each / count)


def _axes(data: TrainingData, name: str) -> int:
    return 1 + len(data.signature.inputs[name].shape)


def _batches(data: TrainingData, name: str) -> Iterator[Array]:
    return (batch[name] for batch in data.train.chunks())
