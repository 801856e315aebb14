"""WAV files -> samples of one channel at one rate."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BITS_16 = 2**15


def decoded(content: bytes) -> tuple[NDArray[np.int16] | NDArray[np.float32], int]:
    """A WAV file's samples (S,), channels mixed to their mean, and its rate in Hz.

    Files of 8 and 16 bits give int16, others float32 in -1 to 1. Raises ValueError where the file
    is damaged, cut short, empty, or has numbers that are none.
    """
    samples, rate = _read(content)
    if not samples.size:
        raise ValueError("it has no samples")
    if samples.dtype == np.uint8:
        samples = (samples.astype(np.int16) - 128) * 256
    if samples.dtype == np.int16:
        mixed = samples if samples.ndim == 1 else np.rint(samples.mean(1)).astype(np.int16)
        return np.ascontiguousarray(mixed), rate
    if np.issubdtype(samples.dtype, np.integer):  # 24 bits come as the upper ones of 32
        samples = samples / 2.0 ** (8 * samples.dtype.itemsize - 1)
    found = samples if samples.ndim == 1 else samples.mean(1)
    if not np.isfinite(found).all():
        raise ValueError(f"sample {int(np.isfinite(found).argmin())} is not a finite number")
    return found.astype(np.float32), rate


def at_rate(
    samples: NDArray[np.int16] | NDArray[np.float32], rate: int, wanted: int
) -> NDArray[np.int16] | NDArray[np.float32]:
    """Resampled by a polyphase filter (`scipy.signal.resample_poly`), of the same type."""
    if rate == wanted:
        return samples
    from scipy.signal import resample_poly

    common = gcd(rate, wanted)
    found = resample_poly(samples.astype(np.float64), wanted // common, rate // common)
    if samples.dtype == np.int16:
        return np.rint(found).clip(-_BITS_16, _BITS_16 - 1).astype(np.int16)
    return found.astype(np.float32)


def stacked(
    sounds: Sequence[NDArray[np.int16] | NDArray[np.float32]], length: int, dtype: np.dtype[Any]
) -> NDArray[np.int16] | NDArray[np.float32]:
    """Sounds as rows (N, length), filled up with silence or cut at their end.

    All of them int16 for such rows; else float32 in -1 to 1.
    """
    found: NDArray[Any] = np.zeros((len(sounds), length), dtype)
    for row, one in zip(found, sounds, strict=True):
        part = one[:length]
        if dtype != np.int16 and part.dtype == np.int16:
            part = part.astype(np.float32) / _BITS_16
        row[: len(part)] = part
    return found


def _read(content: bytes) -> tuple[NDArray[Any], int]:
    """As scipy reads it; its warning of a file that is cut short is an error here."""
    from scipy.io import wavfile

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            rate, samples = wavfile.read(io.BytesIO(content))
        except Exception as error:  # of many kinds where headers lie
            raise ValueError(str(error).partition("\n")[0] or type(error).__name__) from error
    for one in told:
        if "EOF" in str(one.message):
            raise ValueError("it is cut short")
    if rate <= 0:
        raise ValueError(f"its rate is {rate} Hz")
    return samples, int(rate)
