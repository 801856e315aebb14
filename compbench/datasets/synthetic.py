"""Samples that are made up, for tests: of any kind, as many and as hard as one likes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from pydantic import Field

from compbench.contracts import DatasetSource, Samples, Split
from compbench.contracts.inputs import FEATURES, MASK, PIXELS, TOKENS, WAVEFORM

_VERSION = "1"  # changes where the samples do
_LENGTHS = {"images": 12, "features": 16, "tokens": 12, "waveform": 256}
_SPREAD = 2.0  # of a class's pattern where nothing is difficult, in deviations of the noise
_RATE = 8000  # samples a second of a waveform
_WORDS = 8  # tokens that only one class has, and as many that all have
_OWN = 0.8  # of a sample's tokens are of its class where nothing is difficult
_GREY = (128, 32)  # grey levels: of a value of 0, and a deviation of the noise

_Arrays = dict[str, NDArray[Any]]


class Dataset(DatasetSource):
    """Each sample is the pattern of its class and noise; classes are of equal size."""

    kind: Literal["images", "features", "tokens", "waveform"] = Field(
        default="images",
        description="pixels (N, C, L, L), features (N, L), tokens and a mask (N, L) of texts that "
        "differ in length, or a waveform (N, L)",
    )
    samples: int = Field(default=240, ge=10, description="how many")
    class_count: int = Field(default=3, ge=2, le=1000, description="how many classes")
    length: int | None = Field(default=None, ge=4, le=65536, description="L, by default the kind's")
    channels: Literal[1, 3] = Field(default=1, description="of images")
    seed: int = Field(default=0, ge=0, lt=2**32, description="other samples with another")
    difficulty: float = Field(
        default=0.2, ge=0, le=1, description="0: classes lie far apart; 1: they are alike"
    )

    def fingerprint(self, data_dir: Path) -> str:
        """A digest of the options."""
        return hashlib.sha256(f"{_VERSION} {self.model_dump_json()}".encode()).hexdigest()

    def load(self, data_dir: Path) -> Samples:
        """All samples; no test split of their own."""
        random = RandomState(self.seed)  # its streams never change, by numpy's policy
        labels = np.arange(self.samples, dtype=np.int64) % self.class_count
        length = self.length or _LENGTHS[self.kind]
        make = {
            "images": self._images,
            "features": self._features,
            "tokens": self._tokens,
            "waveform": self._waveform,
        }[self.kind]
        free = {TOKENS: (0,), MASK: (0,)} if self.kind == "tokens" else {}
        names = tuple(f"class {label}" for label in range(self.class_count))
        return Samples(
            Split(make(random, labels, length), labels),
            class_names=names,
            free_axes=free,
            values={TOKENS: 1 + _WORDS * (1 + self.class_count), MASK: 2} if free else {},
            rates={WAVEFORM: _RATE} if self.kind == "waveform" else {},
        )

    @property
    def _signal(self) -> float:
        return _SPREAD * (1 - self.difficulty)

    def _images(self, random: RandomState, labels: NDArray[np.int64], length: int) -> _Arrays:
        values = self._patterned(random, labels, (self.channels, length, length))
        zero, deviation = _GREY
        return {PIXELS: (zero + deviation * values).clip(0, 255).astype(np.uint8)}

    def _features(self, random: RandomState, labels: NDArray[np.int64], length: int) -> _Arrays:
        return {FEATURES: self._patterned(random, labels, (length,))}

    def _patterned(
        self, random: RandomState, labels: NDArray[np.int64], shape: tuple[int, ...]
    ) -> NDArray[np.float32]:
        patterns = self._signal * random.standard_normal((self.class_count, *shape))
        noise = random.standard_normal((len(labels), *shape))
        return (patterns[labels] + noise).astype(np.float32)

    def _tokens(self, random: RandomState, labels: NDArray[np.int64], length: int) -> _Arrays:
        """0 is what texts are filled up with, where the mask is 0."""
        shape = (len(labels), length)
        own = 1 + _WORDS * (1 + labels[:, None]) + random.randint(0, _WORDS, shape)
        common = random.randint(1, 1 + _WORDS * (1 + self.class_count), shape)
        is_own = random.random_sample(shape) < _OWN * (1 - self.difficulty)
        lengths = random.randint(length // 2, length + 1, len(labels))
        mask = (np.arange(length) < lengths[:, None]).astype(np.int64)
        return {TOKENS: np.where(is_own, own, common).astype(np.int64) * mask, MASK: mask}

    def _waveform(self, random: RandomState, labels: NDArray[np.int64], length: int) -> _Arrays:
        """Tones of a frequency each class, at any phase."""
        cycles = 1 + labels[:, None] * (length / 2 - 2) / self.class_count
        phases = random.random_sample((len(labels), 1))
        tones = np.sin(2 * np.pi * (cycles * np.arange(length) / length + phases))
        noise = random.standard_normal((len(labels), length))
        return {WAVEFORM: ((self._signal * tones + noise) / 8).astype(np.float32)}
