"""The example of sounds: WAV files whose classes and split stand in their names."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest

from tests.datasets.loading import real
from tests.examples import outside

ZIP = "fsdd/fsdd.zip"


@pytest.mark.slow
def test_waveforms_go_through_every_family(tmp_path: Path) -> None:
    target = tmp_path / "data" / ZIP
    target.parent.mkdir(parents=True)
    with zipfile.ZipFile(real(ZIP) / ZIP) as whole, zipfile.ZipFile(target, "w") as part:
        for name in whole.namelist():
            if re.search(r"_(george|theo)_([0-9]|1[0-9])\.wav$", name):
                part.writestr(name, whole.read(name))
    done = outside.run(outside.copied("spoken_digits", tmp_path), tmp_path / "data")
    assert not done.failures()
    assert {*done.scores()} >= {"teacher", "small_kd", "channels_50_int8", "small_kd_int8"}
    assert "waveform" in done.report
    scores = done.scores()
    assert scores["int8"] >= scores["teacher"] - 0.2  # its spectrogram is in floats
