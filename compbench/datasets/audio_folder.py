"""Sounds and their classes: WAV files in a folder or a zip."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field, field_validator

from compbench.contracts import Samples, Split
from compbench.contracts.inputs import WAVEFORM
from compbench.data import audio, audio_files, natural_order, progress, stores
from compbench.data.parts import SPLITS, DividedSource, refuse_wrong_classes
from compbench.errors import UserError


class Dataset(DividedSource):
    """Input "waveform" (N, samples): int16 where all files have 8 or 16 bits, else float32.

    Batches are scaled to a mean of 0 and a deviation of 1 over the training split, in float32.
    Several channels are mixed to their mean. Sounds begin at the beginning: longer ones are cut at
    their end, shorter ones filled up with silence.
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
        store = stores.opened(self.located(self.path, data_dir))
        try:
            digest = hashlib.sha256()
            for file in store.listing().files:
                if file.name.lower().endswith(audio_files.SUFFIXES):
                    told = f"{file.name}\0{file.size}\0{stores.content_sum(store, file)}\n"
                    digest.update(told.encode("utf-8", "surrogateescape"))
            return digest.hexdigest()
        finally:
            store.close()

    def load(self, data_dir: Path) -> Samples:
        """Decode all sounds, and divide them where splits are not told."""
        path = self.located(self.path, data_dir)
        store = stores.opened(path)
        try:
            parts = {"validation": self.validation, "test": self.test}
            sounds = audio_files.found(path, store.listing(), self.pattern, parts)
            named = {
                split: [one.label for one in sounds if (one.split or "train") == split]
                for split in SPLITS
            }
            if not named["train"]:
                raise UserError(f"{path}: no sound is left to learn from")
            refuse_wrong_classes(str(path), named)
            waveforms, rate = self._waveforms(store, sounds)
        finally:
            store.close()
        names = tuple(sorted({*named["train"]}, key=natural_order.key))
        labels = np.array([names.index(one.label) for one in sounds], np.int64)
        told = {
            split: np.array([i for i, s in enumerate(sounds) if (s.split or "train") == split])
            for split in SPLITS
            if named[split]
        }
        rows = self.divided(told, labels)
        splits = {s: Split({WAVEFORM: waveforms[own]}, labels[own]) for s, own in rows.items()}
        return Samples(
            splits["train"],
            splits["test"],
            splits["validation"],
            outputs=len(names),
            class_names=names,
            normalise={WAVEFORM: "all"},
            rates={WAVEFORM: rate},
        )

    def _waveforms(
        self, store: stores.Store, sounds: list[audio_files.Sound]
    ) -> tuple[np.ndarray, int]:
        """All sounds (N, samples), and their rate. Raises UserError with the first wrong file."""
        rate, length = self.rate, 0
        found = []
        cut = 0
        with progress.reading(f"sounds of {store.path.name}", len(sounds)) as done:
            for one in sounds:
                where = f"{store.path}/{one.file.name}"
                try:
                    samples, own = audio.decoded(store.read(one.file))
                except (OSError, ValueError) as error:
                    raise UserError(f"{where} is no WAV file that can be read: {error}") from error
                rate = rate or own
                if own != rate and not self.resample:
                    raise UserError(
                        f"{where} has {own:,} samples a second, "
                        f"{'not the option rate =' if self.rate else 'others'} {rate:,}: "
                        f"rate = {rate} and resample = true make them alike"
                    )
                samples = audio.at_rate(samples, own, rate)
                length = round(self.seconds * rate)
                cut += len(samples) > length
                found.append(samples[:length])
                done(1)
        if cut:
            progress.note(
                f"{store.path.name}: {cut:,} of {len(found):,} sounds are longer than "
                f"{self.seconds:g} s: they are cut"
            )
        assert rate is not None
        return audio.stacked(found, length), rate
