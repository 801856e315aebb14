"""Sounds and their classes: WAV files in a folder or a zip."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field, field_validator

from compbench.contracts import Samples, Split
from compbench.contracts.inputs import SPECTROGRAM, WAVEFORM
from compbench.data import audio_cache, audio_files, natural_order, spectrograms, stores
from compbench.data.parts import SPLITS, DividedSource, refuse_wrong_classes
from compbench.errors import UserError


class Dataset(DividedSource):
    """WAV files in folders of their classes, or in a zip: `train/yes/1.wav`, or `yes/1.wav`.

    Input "waveform" (N, samples): int16 where all files have 8 or 16 bits, else float32. Batches
    are scaled to a mean of 0 and a deviation of 1 over the training split, in float32. Several
    channels are mixed to their mean. Sounds begin at the beginning: longer ones are cut at their
    end, shorter ones filled up with silence.

    With `spectrogram` a second input "spectrogram" (N, 1, bins, frames), float32, the logarithm of
    the power of frames of `window_ms`, each `hop_ms` after the one before. A net sees the one that
    it names, so that one of waveforms can learn from one of spectrograms of the same sounds.
    """

    libraries: ClassVar[tuple[str, ...]] = ("scipy",)

    path: str = Field(description="a folder or a zip")
    pattern: str | None = Field(
        default=None,
        description="regular expression whose group label is the class, searched for in a file's "
        "path; where nothing is said the class is the folder that a file is in",
    )
    test: str | None = Field(
        default=None, description="regular expression that paths of test sounds match"
    )
    validation: str | None = Field(
        default=None, description="regular expression that paths of validation sounds match"
    )
    seconds: float = Field(default=1.0, gt=0, description="length of a sample")
    rate: int | None = Field(
        default=None, ge=1, description="samples a second; that of all files where nothing is said"
    )
    resample: bool = Field(
        default=False, description="whether files of another rate are resampled, else refused"
    )
    spectrogram: bool = Field(default=False, description="whether nets may also see spectrograms")
    window_ms: float = Field(default=32.0, gt=0, description="length of a spectrogram's frame")
    hop_ms: float = Field(default=16.0, gt=0, description="from one frame to the next")

    @field_validator("pattern", "test", "validation")
    @classmethod
    def _is_pattern(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
        return pattern

    @field_validator("pattern")
    @classmethod
    def _has_label(cls, pattern: str | None) -> str | None:
        if pattern is not None and "label" not in re.compile(pattern).groupindex:
            raise ValueError(f"{pattern!r} has no group for the class: (?P<label>…)")
        return pattern

    def fingerprint(self, data_dir: Path) -> str:
        """A digest of the names and contents of all sounds."""
        return audio_cache.fingerprint(self.located(self.path, data_dir), data_dir)

    def load(self, data_dir: Path) -> Samples:
        """Sounds, memory-mapped, divided where splits are not told.

        Raises UserError with the first file that can't be read.
        """
        path = self.located(self.path, data_dir)
        parts = {"validation": self.validation, "test": self.test}
        with closing(stores.opened(path)) as store:
            sounds = audio_files.found(path, store.listing(), self.pattern, parts)
        named = {
            split: [one.label for one in sounds if (one.split or "train") == split]
            for split in SPLITS
        }
        if not named["train"]:
            raise UserError(f"{path}: no sound is left to learn from")
        refuse_wrong_classes(str(path), named)
        wanted = audio_cache.Wanted(self.seconds, self.rate, self.resample)
        files = [one.file for one in sounds]
        decoded = audio_cache.decoded(path, data_dir, files, wanted)
        inputs = {WAVEFORM: decoded.waveforms}
        if self.spectrogram:
            frames = spectrograms.Frames(self.window_ms, self.hop_ms)
            inputs[SPECTROGRAM] = spectrograms.of(decoded, frames, path, data_dir)
        names = tuple(sorted({*named["train"]}, key=natural_order.key))
        labels = np.array([names.index(one.label) for one in sounds], np.int64)
        told = {
            split: np.array([i for i, s in enumerate(sounds) if (s.split or "train") == split])
            for split in SPLITS
            if named[split]
        }
        rows = self.divided(told, labels)
        whole = Split(inputs, labels)
        splits = {split: whole.part(own) for split, own in rows.items()}
        return Samples(
            splits["train"],
            splits["test"],
            splits["validation"],
            outputs=len(names),
            class_names=names,
            normalise=dict.fromkeys(inputs, "all"),
            rates={WAVEFORM: decoded.rate},
        )
