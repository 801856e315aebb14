"""The example of photographs: JPEGs in a zip, and a net from a file beside the suite."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.datasets.loading import real
from tests.examples import outside

ZIP = "cifar10/cifar10-images.zip"


@pytest.mark.slow
def test_every_family_and_chain_is_made_and_measured(tmp_path: Path) -> None:
    data = tmp_path / "data"
    few_of_each(real(ZIP) / ZIP, data / ZIP, {"train": 20, "test": 10})
    done = outside.run(outside.copied("cifar10", tmp_path), data)
    assert not done.failures()
    assert {*done.scores()} >= {
        "teacher",
        "separable_kd_qat8",
        "channels_75_int8",
        "half_kd_int8",
        "halved_kd_channels_int8",
    }
    assert "| separable_kd " in done.report


def few_of_each(source: Path, target: Path, counts: dict[str, int]) -> None:
    """A zip with so many images of each class and split."""
    target.parent.mkdir(parents=True)
    seen: dict[str, int] = {}
    with zipfile.ZipFile(source) as whole, zipfile.ZipFile(target, "w") as part:
        for name in whole.namelist():
            folder, _, file = name.rpartition("/")
            split = next((s for s in counts if f"{s}/" in f"{folder}/"), None)
            if file and split and seen.setdefault(folder, 0) < counts[split]:
                seen[folder] += 1
                part.writestr(name, whole.read(name))
