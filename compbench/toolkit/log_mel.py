"""Waveforms -> log-mel spectrograms as a part of a net, of operators that every exporter knows."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

FLOOR = 1e-3  # of the energy of a band, where waveforms have a deviation of 1: about -50 dB


class LogMel(nn.Module):
    """Waveforms (N, S) -> log(energy + floor) in mel bands (N, mels, frames).

    Frames are Hann windows of `window` samples, `hop` apart, without padding. Their energy is
    |DFT|², of a convolution with cosines and sines; bands are triangles, evenly spaced and of
    height 1 on the mel scale of HTK (`mel_filters`). This is torchaudio's
    `MelSpectrogram(center=False, power=2, norm=None, mel_scale="htk")`. Nothing in it is learnt.
    """

    def __init__(self, rate: int, window: int, hop: int, mels: int, floor: float = FLOOR):
        super().__init__()
        self.hop, self.floor = hop, floor
        filters = mel_filters(rate, window, mels)
        used = np.flatnonzero(filters.any(0))  # bins outside of all bands need no DFT
        basis = torch.from_numpy(dft_basis(window, used))
        bands = torch.from_numpy(filters[:, used].astype(np.float32))
        self.basis: Tensor
        self.bands: Tensor
        self.register_buffer("basis", basis)
        self.register_buffer("bands", bands)

    def forward(self, waveform: Tensor) -> Tensor:
        """See the class."""
        parts = functional.conv1d(waveform.unsqueeze(1), self.basis, stride=self.hop)
        real, imaginary = parts.chunk(2, 1)
        energy = real * real + imaginary * imaginary
        return torch.log(torch.matmul(self.bands, energy) + self.floor)


def dft_basis(window: int, bins: NDArray[np.int64]) -> NDArray[np.float32]:
    """Kernels (2 · bins, 1, window): of each bin the cosine, then of each the sine, under Hann's.

    The window is periodic, as for spectra: sin²(π n / window).
    """
    n = np.arange(window)
    hann = np.sin(np.pi * n / window) ** 2
    angles = 2 * np.pi * (bins[:, None] * n % window) / window
    both = np.concatenate([np.cos(angles), -np.sin(angles)]) * hann
    return both[:, None].astype(np.float32)


def mel_filters(rate: int, window: int, mels: int) -> NDArray[np.float64]:
    """Triangles (mels, window // 2 + 1) from 0 to rate / 2, each from its neighbours' peaks.

    mel = 2595 · log10(1 + f / 700), of S. Young et al., "The HTK Book", 2006, section 5.4, after
    D. O'Shaughnessy, "Speech Communication", 1987. Raises ValueError where a band has no bin.
    """
    frequencies = np.arange(window // 2 + 1) * rate / window
    highest = 2595 * np.log10(1 + rate / 2 / 700)
    peaks = 700 * (10 ** (np.linspace(0, highest, mels + 2) / 2595) - 1)
    low, middle, high = peaks[:-2, None], peaks[1:-1, None], peaks[2:, None]
    rising, falling = (frequencies - low) / (middle - low), (high - frequencies) / (high - middle)
    filters = np.maximum(0, np.minimum(rising, falling))
    empty = np.flatnonzero(~filters.any(1))
    if empty.size:
        raise ValueError(
            f"mels = {mels} are too many: band {empty[0]} has no frequency of a window of "
            f"{window} samples at {rate} Hz"
        )
    return filters
