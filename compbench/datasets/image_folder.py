"""A user's own images: a folder or a zip of them by split and class, or by class alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from compbench.contracts import Samples, Split
from compbench.contracts.inputs import PIXELS
from compbench.data import image_cache
from compbench.data.parts import DividedSource

_MOST = 4096  # pixels a side
_Side = Annotated[int, Field(ge=1, le=_MOST)]


class Dataset(DividedSource):
    """Image files in folders of their classes, or in a zip: `train/cats/1.jpg`, or `cats/1.jpg`.

    Splits are train, and if you like test and validation (or val, valid, dev); what is missing is
    cut from train, with every class represented alike. Classes are in natural order. Images are
    decoded once, into a cache under the data folder that may be removed at any time.
    """

    libraries: ClassVar[tuple[str, ...]] = ("pillow",)

    path: str = Field(
        min_length=1,
        description="a folder or a zip: a whole path, or one from the suite file's folder or the "
        "data folder",
    )
    size: _Side | tuple[_Side, _Side] | None = Field(
        default=None,
        description="pixels, or rows and columns: the shorter side is resized and the middle cut "
        "out; nothing where all images are of one size",
    )
    channels: Literal["auto", 1, 3] = Field(
        default="auto", description="1 is grey, 3 colour; auto is grey where all images are"
    )
    corrupt: Literal["refuse", "skip"] = Field(
        default="refuse", description="what is done where an image can't be read: skip counts it"
    )

    @field_validator("size", mode="before")
    @classmethod
    def _size_is_pixels(cls, value: Any) -> Any:
        sides = value if isinstance(value, list | tuple) else (value, value)
        whole = all(type(side) is int and 1 <= side <= _MOST for side in sides)
        if value is not None and (len(sides) != 2 or not whole):
            raise ValueError(
                f"{value!r} should be pixels, 1 to {_MOST}: size = 32, or rows and columns: "
                "size = [24, 32]"
            )
        return value

    def fingerprint(self, data_dir: Path) -> str:
        """A digest of all images and of how they lie. Raises UserError where they lie wrongly."""
        return image_cache.fingerprint(self._place(data_dir), data_dir)

    def load(self, data_dir: Path) -> Samples:
        """Images uint8 (N, C, H, W), memory-mapped. Raises UserError where one can't be read."""
        size = (self.size, self.size) if isinstance(self.size, int) else self.size
        wanted = image_cache.Wanted(size, self.channels, self.corrupt)
        found = image_cache.decoded(self._place(data_dir), data_dir, wanted)
        splits = {name: Split({PIXELS: p}, labels) for name, (p, labels) in found.splits.items()}
        train = splits["train"]
        rows = self.divided({s: np.arange(len(own)) for s, own in splits.items()}, train.targets)
        cut = {s: train.part(own) for s, own in rows.items() if s == "train" or s not in splits}
        test, validation = (cut.get(s) or splits[s] for s in ("test", "validation"))
        return Samples(cut["train"], test, validation, class_names=found.class_names)

    def _place(self, data_dir: Path) -> Path:
        return self.located(self.path, data_dir)
