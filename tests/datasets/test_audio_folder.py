"""Sounds: every kind of WAV, how they lie, and one line for everything that is wrong."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import wavfile

from compbench.contracts import kinds
from compbench.data import audio, workers
from compbench.errors import UserError
from tests.datasets.loading import loaded, real, refusal, told

RATE = 800


def tone(hertz: float, count: int = 400, rate: int = RATE) -> NDArray[np.int16]:
    return (8000 * np.sin(2 * np.pi * hertz * np.arange(count) / rate)).astype(np.int16)


def write_folders(folder: Path, top: str = "sounds", each: int = 12) -> Path:
    for label, hertz in (("low", 50), ("high", 200)):
        (folder / top / label).mkdir(parents=True)
        for index in range(each):
            sound = tone(hertz + index, 300 + 20 * index)
            wavfile.write(folder / top / label / f"{index}.wav", RATE, sound)
    return folder


ASKED = {"path": "sounds", "seconds": 0.5}


def test_folders_are_classes(tmp_path: Path) -> None:
    found, notes = told("audio_folder", write_folders(tmp_path), **ASKED)
    assert found.class_names == ("high", "low")
    one = found.signature.inputs["waveform"]
    assert (one.dtype, one.shape, one.rate) == ("int16", (400,), RATE)
    assert "12 of 24 sounds are longer than 0.5 s: they are cut" in notes
    train = found.training.train
    prepared = found.training.prepared(train.arrays)["waveform"]
    assert prepared.dtype == np.float32
    assert (prepared.mean(), prepared.std()) == (pytest.approx(0, abs=1e-3), pytest.approx(1, 1e-3))
    shortest = tone(50, 300)
    splits = (train, found.training.validation, found.test)
    rows = np.concatenate([split.arrays["waveform"] for split in splits])
    assert any(np.array_equal(row[:300], shortest) and not row[300:].any() for row in rows)


def test_a_zip_is_read_as_its_folder_is(tmp_path: Path) -> None:
    write_folders(tmp_path)
    with zipfile.ZipFile(tmp_path / "sounds.zip", "w") as archive:
        for file in sorted((tmp_path / "sounds").rglob("*.wav")):
            archive.write(file, file.relative_to(tmp_path))
    one = loaded("audio_folder", tmp_path, **ASKED)
    other = loaded("audio_folder", tmp_path, **{**ASKED, "path": "sounds.zip"})
    assert np.array_equal(one.test.arrays["waveform"], other.test.arrays["waveform"])
    assert one.class_names == other.class_names


def test_folders_may_be_splits(tmp_path: Path) -> None:
    write_folders(tmp_path, "sounds/train")
    write_folders(tmp_path, "sounds/test", each=3)
    found = loaded("audio_folder", tmp_path, **ASKED)
    assert [len(s) for s in (found.training.train, found.test)] == [21, 6]


def test_names_may_say_class_and_split(tmp_path: Path) -> None:
    (tmp_path / "sounds").mkdir()
    for digit in range(3):
        for index in range(8):
            sound = tone(50 * (digit + 1))
            wavfile.write(tmp_path / "sounds" / f"{digit}_ann_{index}.wav", RATE, sound)
    asked = {**ASKED, "pattern": r"^(?P<label>\d)_", "test": r"_[0-1]\.wav$"}
    found = loaded("audio_folder", tmp_path, **asked, validation_share=0.2)
    assert found.class_names == ("0", "1", "2")
    assert [*np.bincount(found.test.targets)] == [2, 2, 2]
    assert len(found.training.train) == 14
    said = refusal("audio_folder", tmp_path, **{**asked, "test": "_9.wav"})
    assert "no sound is for test" in said
    (tmp_path / "sounds" / "noise.wav").write_bytes(b"")
    said = refusal("audio_folder", tmp_path, **asked)
    assert "noise.wav: the pattern" in said and "finds no label" in said


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_width_is_read(tmp_path: Path, dtype: str, channels: int) -> None:
    wave = np.sin(np.arange(200) / 9) * 0.5
    scale = {"uint8": 127, "int16": 32767, "int32": 2**31 - 1}.get(dtype, 1)
    stored = (wave * scale + (128 if dtype == "uint8" else 0)).astype(dtype)
    if channels == 2:
        stored = np.stack([stored, np.full_like(stored, 128 if dtype == "uint8" else 0)], 1)
    wavfile.write(tmp_path / "a.wav", 1000, stored)
    found, rate = audio.decoded((tmp_path / "a.wav").read_bytes())
    assert rate == 1000
    is_short = dtype in ("uint8", "int16")
    assert found.dtype == (np.int16 if is_short else np.float32)
    values = found / 32768 if is_short else found
    np.testing.assert_allclose(values, wave / channels, atol=0.02 if dtype == "uint8" else 1e-4)


def wav_of_24_bits(samples: NDArray[np.int32], rate: int = 1000) -> bytes:
    body = b"".join(int(value).to_bytes(3, "little", signed=True) for value in samples)
    form = (
        (1).to_bytes(2, "little")
        + (1).to_bytes(2, "little")
        + rate.to_bytes(4, "little")
        + (3 * rate).to_bytes(4, "little")
        + (3).to_bytes(2, "little")
        + (24).to_bytes(2, "little")
    )
    chunks = b"fmt " + len(form).to_bytes(4, "little") + form
    chunks += b"LIST" + (4).to_bytes(4, "little") + b"INFO"  # what a reader need not know
    chunks += b"data" + len(body).to_bytes(4, "little") + body
    return b"RIFF" + (4 + len(chunks)).to_bytes(4, "little") + b"WAVE" + chunks


def test_24_bits() -> None:
    found, _ = audio.decoded(wav_of_24_bits(np.array([0, 2**22, -(2**22)] * 10)))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:3], [0, 0.5, -0.5])


def test_short_and_long_samples_go_together(tmp_path: Path) -> None:
    folder = write_folders(tmp_path)
    (tmp_path / "sounds" / "low" / "extra.wav").write_bytes(
        wav_of_24_bits(np.full(400, 2**22), RATE)
    )
    found = loaded("audio_folder", folder, **ASKED)
    assert found.signature.inputs["waveform"].dtype == "float32"
    splits = (found.training.train, found.training.validation, found.test)
    rows = np.concatenate([split.arrays["waveform"] for split in splits])
    assert np.abs(rows).max() == pytest.approx(0.5)


def test_another_rate_is_refused_or_resampled(tmp_path: Path) -> None:
    folder = write_folders(tmp_path)
    wavfile.write(folder / "sounds" / "low" / "x.wav", 2 * RATE, tone(50, 800, 2 * RATE))
    said = refusal("audio_folder", folder, **ASKED)
    assert "x.wav has 1,600 samples a second, others 800" in said
    said = refusal("audio_folder", folder, **ASKED, rate=1000)
    assert "0.wav has 800 samples a second, not the option rate = 1,000" in said
    found = loaded("audio_folder", folder, **ASKED, resample=True)
    assert found.signature.inputs["waveform"].rate == RATE
    resampled = audio.at_rate(tone(50, 800, 2 * RATE), 2 * RATE, RATE)
    assert resampled.dtype == np.int16
    np.testing.assert_allclose(resampled[50:-50], tone(50)[50:-50], atol=60)


def break_wav(path: Path, how: str) -> None:
    content = path.read_bytes()
    changed = {
        "cut": content[: len(content) // 2],
        "empty": b"",
        "text": b"this is no sound" * 10,
        "silent": content[:40] + (0).to_bytes(4, "little"),
        "header": content[:20],
    }
    path.write_bytes(changed[how])


@pytest.mark.parametrize("how", ["cut", "empty", "text", "silent", "header"])
def test_a_damaged_file_is_refused_by_its_name(tmp_path: Path, how: str) -> None:
    folder = write_folders(tmp_path)
    break_wav(folder / "sounds" / "low" / "7.wav", how)
    said = refusal("audio_folder", folder, **ASKED)
    assert "low/7.wav is no WAV file that can be read" in said


def test_what_lies_wrong_is_one_line(tmp_path: Path) -> None:
    write_folders(tmp_path)
    said = refusal("audio_folder", tmp_path, **{**ASKED, "path": "sound"})
    assert "path = 'sound'" in said and "did you mean 'sounds'?" in said
    said = refusal("audio_folder", tmp_path, **{**ASKED, "path": "sounds/low"})
    assert "is in no folder of a class" in said
    (tmp_path / "nothing").mkdir()
    assert "has no sounds" in refusal("audio_folder", tmp_path, path="nothing")
    write_folders(tmp_path, "one/train")
    (tmp_path / "one" / "train" / "low").rename(tmp_path / "one" / "low")
    assert "has one class" in refusal("audio_folder", tmp_path, path="one/train")
    write_folders(tmp_path, "two/train")
    write_folders(tmp_path, "two/test")
    (tmp_path / "two" / "test" / "low").rename(tmp_path / "two" / "test" / "lows")
    said = refusal("audio_folder", tmp_path, path="two")
    assert "the class 'lows' is in test, but not in train; did you mean 'low'?" in said


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = write_folders(tmp_path)
    wavfile.write(tmp_path / "secret.wav", RATE, tone(50))
    (folder / "sounds" / "low" / "link.wav").symlink_to(tmp_path / "secret.wav")
    assert "link.wav is a link out of the folder" in refusal("audio_folder", folder, **ASKED)


@pytest.mark.parametrize("pattern", ["(", r"(?P<digit>\d)"])
def test_a_pattern_must_have_a_label(pattern: str) -> None:
    with pytest.raises(UserError, match=r"no regular expression|no group for the class"):
        kinds.dataset("audio_folder", {**ASKED, "pattern": pattern})


def test_the_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    folder = write_folders(tmp_path)
    source = kinds.dataset("audio_folder", ASKED)
    before = source.fingerprint(folder)
    path = folder / "sounds" / "low" / "3.wav"
    path.write_bytes(path.read_bytes())
    assert source.fingerprint(folder) == before
    wavfile.write(path, RATE, tone(77, 360))
    assert source.fingerprint(folder) != before


def test_sounds_are_decoded_once_and_mapped(tmp_path: Path, monkeypatch) -> None:
    folder = write_folders(tmp_path)
    first = loaded("audio_folder", folder, **ASKED)
    assert not first.training.train.is_in_memory

    def decoded(content: bytes) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(audio, "decoded", decoded)
    again, notes = told("audio_folder", folder, **ASKED)
    assert "12 of 24 sounds are longer" in notes
    for one, other in ((first.training.train, again.training.train), (first.test, again.test)):
        assert np.array_equal(one.arrays["waveform"], other.arrays["waveform"])
    with pytest.raises(UserError, match="decoded again"):
        loaded("audio_folder", folder, **{**ASKED, "seconds": 0.25})
    wavfile.write(folder / "sounds" / "low" / "3.wav", RATE, tone(77, 360))
    with pytest.raises(UserError, match="decoded again"):
        loaded("audio_folder", folder, **ASKED)


def test_several_processes_give_the_same_and_name_the_wrong_file(
    tmp_path: Path, monkeypatch
) -> None:
    folder = write_folders(tmp_path, each=150)
    wanted = loaded("audio_folder", folder, **ASKED)
    for path in (folder / ".compbench-cache").glob("sounds-*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    monkeypatch.setattr(workers, "_FEW", 1)
    monkeypatch.setattr(workers, "_processors", lambda: 2)
    found = loaded("audio_folder", folder, **ASKED)
    assert np.array_equal(found.test.arrays["waveform"], wanted.test.arrays["waveform"])
    in_floats = tone(50 + 149, 300 + 20 * 149).astype(np.float32) / 2**15
    wavfile.write(folder / "sounds" / "low" / "149.wav", RATE, in_floats)
    mixed = loaded("audio_folder", folder, **ASKED)
    assert mixed.test.arrays["waveform"].dtype == np.float32
    assert np.abs(mixed.test.arrays["waveform"] * 2**15 - wanted.test.arrays["waveform"]).max() < 1
    break_wav(folder / "sounds" / "low" / "149.wav", "cut")
    said = refusal("audio_folder", folder, **ASKED)
    assert "low/149.wav is no WAV file that can be read" in said


def test_spoken_digits() -> None:
    asked = {"path": "fsdd/fsdd.zip", "pattern": r"(?P<label>\d)_\w+_\d+\.wav$"}
    found = loaded("audio_folder", real("fsdd"), **asked, test=r"_[0-4]\.wav$")
    splits = (found.training.train, found.training.validation, found.test)
    assert [len(split) for split in splits] == [2430, 270, 300]
    assert [*np.bincount(found.test.targets)] == [30] * 10


def test_spectrograms_are_a_second_input_of_the_same_sounds(tmp_path: Path) -> None:
    write_folders(tmp_path)
    asked = {**ASKED, "spectrogram": True, "window_ms": 50.0, "hop_ms": 25.0}
    found = loaded("audio_folder", tmp_path, **asked)
    one = found.signature.inputs["spectrogram"]
    assert (one.dtype, one.shape) == ("float32", (1, 21, 19))  # 40 samples a frame, 20 apart
    split = found.test.arrays
    window = np.sin(np.pi * np.arange(40) / 40) ** 2
    for waveform, spectrogram in zip(split["waveform"], split["spectrogram"], strict=True):
        frames = np.stack([waveform[at : at + 40] / 32768 for at in range(0, 361, 20)], 1)
        power = np.abs(np.fft.rfft(frames * window[:, None], axis=0) / window.sum()) ** 2
        power[1:-1] *= 2  # one-sided
        np.testing.assert_allclose(spectrogram[0], np.log10(power + 1e-10), atol=2e-2)
    low = found.test.targets == found.class_names.index("low")
    loudest = split["spectrogram"].mean((1, 3)).argmax(1)  # the bin, of 20 Hz each
    assert set(loudest[low]) <= {2, 3} and set(loudest[~low]) == {10}
    prepared = found.training.prepared(found.training.train.arrays)["spectrogram"]
    assert (prepared.mean(), prepared.std()) == (pytest.approx(0, abs=1e-3), pytest.approx(1, 1e-3))
    again = loaded("audio_folder", tmp_path, **asked).test.arrays["spectrogram"]
    assert np.array_equal(again, split["spectrogram"])


@pytest.mark.parametrize("frames", [(600.0, 16.0), (50.0, 60.0), (0.1, 0.1)])
def test_frames_that_fit_no_sound_are_refused(tmp_path: Path, frames: tuple[float, float]) -> None:
    window_ms, hop_ms = frames
    asked = {**ASKED, "spectrogram": True, "window_ms": window_ms, "hop_ms": hop_ms}
    said = refusal("audio_folder", write_folders(tmp_path), **asked)
    assert f"window_ms = {window_ms:g} and hop_ms = {hop_ms:g} make frames of" in said
    assert "2 to the sound's 400" in said
