"""The spectrogram in the graph: as numpy's FFT gives it, and as ONNX Runtime does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from compbench.contracts import Input, Normalisation, Signature
from compbench.onnxfile.export import to_onnx
from compbench.toolkit.log_mel import FLOOR, LogMel, mel_filters
from tests.fakes import cpu_session

RATE, WINDOW, HOP, MELS = 8000, 256, 128, 40


def sound(seed: int = 0) -> NDArray[np.float32]:
    """A chirp in noise (3, 4000), with silence at its end."""
    random = np.random.default_rng(seed)
    n = np.arange(4000)
    chirp = np.sin(2 * np.pi * n * (100 + n / 4) / RATE)
    waves = np.sqrt(2) * chirp + 0.1 * random.normal(size=(3, 4000))
    waves[:, 3000:] = 0
    return waves.astype(np.float32)


def reference(waves: NDArray[np.float32]) -> NDArray[np.float64]:
    """By framing and numpy's FFT, with the triangles of torchaudio's `melscale_fbanks`."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    starts = range(0, waves.shape[1] - WINDOW + 1, HOP)
    frames = np.stack([waves[:, s : s + WINDOW].astype(np.float64) * hann for s in starts], 1)
    energy = np.abs(np.fft.rfft(frames)) ** 2
    mels = np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), MELS + 2)
    peaks = 700 * (10 ** (mels / 2595) - 1)
    width = np.diff(peaks)
    slopes = peaks[None] - np.linspace(0, RATE // 2, WINDOW // 2 + 1)[:, None]
    down, up = -slopes[:, :-2] / width[:-1], slopes[:, 2:] / width[1:]
    filters = np.clip(np.minimum(down, up), 0, None)
    return np.log(energy @ filters + FLOOR).transpose(0, 2, 1)


def test_it_is_the_spectrogram_of_the_formula() -> None:
    found = LogMel(RATE, WINDOW, HOP, MELS)(torch.from_numpy(sound())).numpy()
    wanted = reference(sound())
    assert found.shape == wanted.shape == (3, MELS, 30)
    np.testing.assert_allclose(found, wanted, atol=1e-3)
    assert found[:, :, -1] == pytest.approx(np.log(FLOOR))  # silence


def test_a_tone_is_in_its_band() -> None:
    n = np.arange(4000)
    tone = torch.from_numpy(np.sin(2 * np.pi * 1000 * n / RATE).astype(np.float32))[None]
    loudest = LogMel(RATE, WINDOW, HOP, MELS)(tone).mean(2).argmax().item()
    filters = mel_filters(RATE, WINDOW, MELS)
    assert filters[:, round(1000 * WINDOW / RATE)].argmax() == loudest


def test_files_give_the_same_from_raw_samples() -> None:
    """int16 as it is stored, scaled before the file or in it."""
    raw = np.rint(sound() * 3000).astype(np.int16)
    scaling = Normalisation((5.0,), (3000.0,))
    inputs = {"waveform": Input("int16", (4000,), scaling, rate=RATE)}
    net = LogMel(RATE, WINDOW, HOP, MELS).eval()
    for in_graph in (False, True):
        signature = Signature(inputs, MELS, in_graph=in_graph)
        session = cpu_session(to_onnx(net, signature))
        session.bind({"waveform": raw})
        session.run()
        prepared = torch.from_numpy(scaling.apply(raw))
        np.testing.assert_allclose(session.outputs(), net(prepared).numpy(), atol=1e-4)


@pytest.mark.parametrize(("rate", "window", "mels"), [(8000, 256, 40), (16000, 512, 64)])
def test_no_band_is_empty(rate: int, window: int, mels: int) -> None:
    filters = mel_filters(rate, window, mels)
    assert filters.any(1).all()
    assert filters.max() <= 1
    with pytest.raises(ValueError, match=r"mels = 200 are too many: band \d+ has no frequency"):
        mel_filters(8000, 256, 200)


def test_nothing_in_it_is_learnt() -> None:
    assert not list(LogMel(RATE, WINDOW, HOP, MELS).parameters())
