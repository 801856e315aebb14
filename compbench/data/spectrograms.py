"""Waveforms -> spectrograms in the cache, made once and memory-mapped."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.signal import spectrogram

from compbench.data import cache, progress
from compbench.data.audio_cache import Decoded
from compbench.errors import UserError
from compbench.registry import registry

FLOOR = 1e-10  # of a bin's power, where the loudest sample there can be is 1: -100 dB
_AT_ONCE = 1024  # sounds
_CODE = (__name__,)
_NAME = "spectrograms"


class Frames(NamedTuple):
    """How long the frames of a spectrogram are, and how far apart, in milliseconds."""

    window_ms: float
    hop_ms: float


def of(sounds: Decoded, frames: Frames, path: Path, data_dir: Path) -> np.ndarray:
    """Spectrograms (N, 1, bins, frames) of sounds, float32: log10 of the power, plus `FLOOR`.

    Frames are under a Hann window and are not padded; what is left at the end is not seen.
    `scipy.signal.spectrogram` computes them. Raises UserError where no frame fits a sound.
    """
    window, hop = (max(1, round(ms * sounds.rate / 1000)) for ms in frames)
    samples = sounds.waveforms.shape[1]
    if not 1 < window <= samples or hop > window:
        raise UserError(
            f"{path}: window_ms = {frames.window_ms:g} and hop_ms = {frames.hop_ms:g} make frames "
            f"of {window:,} samples, {hop:,} apart: a window has 2 to the sound's {samples:,}, and "
            "a hop at most a window"
        )
    key = cache.key_of(sounds.key, window, hop, cache.code(_CODE), registry.versions(("scipy",)))
    make = partial(_make, sounds, window, hop, path.name)
    return cache.entry(data_dir, _NAME, key, make).arrays[_NAME]


def _make(sounds: Decoded, window: int, hop: int, name: str, writer: cache.Writer) -> None:
    count = len(sounds.waveforms)
    first = _powers(sounds.waveforms[:1], sounds.rate, window, hop)
    array = writer.create(_NAME, "float32", (count, *first.shape[1:]))
    with progress.reading(f"spectrograms of {name}", count) as told:
        for start in range(0, count, _AT_ONCE):
            part = sounds.waveforms[start : start + _AT_ONCE]
            array.write(start, _powers(part, sounds.rate, window, hop))
            told(len(part))


def _powers(waveforms: np.ndarray, rate: int, window: int, hop: int) -> np.ndarray:
    """(N, samples) -> (N, 1, bins, frames)."""
    full = 32_768 if waveforms.dtype == np.int16 else 1
    scaled = waveforms.astype(np.float32) / np.float32(full)
    _, _, power = spectrogram(
        scaled,
        rate,
        window="hann",
        nperseg=window,
        noverlap=window - hop,
        detrend=False,  # pyright: ignore[reportArgumentType]
        scaling="spectrum",
    )
    return np.log10(power[:, None] + FLOOR).astype(np.float32)
