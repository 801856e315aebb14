"""The dataset `image_folder`, as suites use it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from compbench.cli import check
from compbench.contracts import kinds
from compbench.data import cache, digest, progress, samples, splits
from compbench.data.splits import Data
from compbench.errors import UserError
from compbench.registry import import_path
from compbench.run import run
from compbench.run.progress import Progress
from compbench.suite import read
from tests.data.images import KINDS, aged, by_split, folder, png, zipped


def loaded(data_dir: Path, options: Mapping[str, Any]) -> Data:
    source = kinds.dataset("image_folder", options)
    return splits.load(source, data_dir, kinds.made_task("classification"))


@pytest.mark.parametrize("kind", [*KINDS])
def test_a_folder_or_a_zip_under_the_data_folder(tmp_path: Path, kind: str) -> None:
    path = KINDS[kind](tmp_path / "data/pets", by_split(3, train=20))
    found = loaded(tmp_path / "data", {"path": f"pets/{path.name}", "size": 6})
    training = found.training
    assert found.class_names == ("0", "1", "2")
    assert training.signature.inputs["pixels"].shape == (3, 6, 6)
    normalisation = training.signature.inputs["pixels"].normalisation
    assert normalisation is not None and len(normalisation.mean) == 3
    assert (len(training.train), len(training.validation), len(found.test)) == (54, 6, 9)
    assert not any(s.is_in_memory for s in (training.train, training.validation, found.test))
    assert training.train.take(np.arange(3))["pixels"].dtype == np.uint8


def test_by_class_alone_is_split_the_same_each_time(tmp_path: Path) -> None:
    files = {
        name[len("train/") :]: file for name, file in by_split(2, 30).items() if "train" in name
    }
    folder(tmp_path / "set", files)
    first, again = (loaded(tmp_path, {"path": "set"}) for _ in range(2))
    assert len(first.test) == 12
    assert np.bincount(first.test.targets).tolist() == [6, 6]
    one, other = (digest.record("set", data) for data in (first, again))
    assert one == other


def test_shares_and_who_is_in_them_are_options(tmp_path: Path) -> None:
    files = {n.removeprefix("train/"): f for n, f in by_split(2, 30).items() if "train" in n}
    folder(tmp_path / "set", files)
    asked = {"path": "set", "test_share": 0.5, "validation_share": 0.1}
    one, other = (loaded(tmp_path, {**asked, "split_seed": seed}) for seed in (0, 1))
    for data in (one, other):
        sizes = [len(s) for s in (data.training.train, data.training.validation, data.test)]
        assert sizes == [27, 3, 30]
    assert digest.record("set", one)["digest"] != digest.record("set", other)["digest"]


def test_a_path_beside_the_suite_file(tmp_path: Path, write_suite: Callable[[str], Path]) -> None:
    zipped(tmp_path / "own.zip", by_split())
    suite = read.load(
        write_suite(
            'dataset = { name = "image_folder", path = "own.zip", channels = 1 }\n'
            '[variants.t]\ntechnique = "train"\nmodel = "mlp"\nepochs = 1\n'
        )
    )
    (tmp_path / "data").mkdir()
    assert samples.fingerprint(suite.dataset, tmp_path / "data")
    found = splits.load(suite.dataset, tmp_path / "data", suite.task)
    assert found.signature.inputs["pixels"].shape == (1, 8, 8)
    with import_path.beside(tmp_path / "elsewhere/x.toml"):
        other = kinds.dataset("image_folder", {"path": "own.zip"})
    with pytest.raises(UserError, match=r"path = 'own.zip': there is neither"):
        samples.fingerprint(other, tmp_path / "data")


def test_where_the_data_folder_cant_be_written_the_results_have_the_cache(
    tmp_path: Path, write_suite: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    aged(zipped(tmp_path / "own.zip", by_split()))
    (tmp_path / "data").write_text("not even root can make a folder in a file")
    suite = read.load(
        write_suite(
            'dataset = { name = "image_folder", path = "own.zip" }\n'
            '[variants.t]\ntechnique = "train"\nmodel = "mlp"\nepochs = 1\n'
        )
    )
    monkeypatch.setattr(
        run, "_run", lambda suite, folders, _: splits.load(suite.dataset, folders.data, suite.task)
    )
    folders = run.Folders(tmp_path / "results", tmp_path / "reports", tmp_path / "data")
    run.run(suite, folders, Progress(Console(quiet=True)))
    assert [*(tmp_path / "results" / cache.FOLDER).glob("images-*/manifest.json")]
    check.tree(suite, tmp_path / "other", tmp_path / "data")
    assert [*(tmp_path / "other" / cache.FOLDER).glob("text-*.json")]


@pytest.mark.parametrize("is_quiet", [True, False])
def test_a_quiet_run_tells_no_progress(
    is_quiet: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path
) -> None:
    monkeypatch.setattr(run, "_run", lambda *_: progress.note("decoding"))
    suite = SimpleNamespace(path=tmp_path / "mine.toml")
    folders = run.Folders(tmp_path, tmp_path, tmp_path)
    run.run(suite, folders, Progress(Console(quiet=is_quiet)))  # type: ignore[arg-type]
    assert capsys.readouterr() == ("", "" if is_quiet else "decoding\n")


OPTIONS = {
    "no path": ({}, "needs 'path'"),
    "no word": ({"path": ""}, "path = '' should have at least 1 character"),
    "channels": ({"path": "x", "channels": 4}, "channels = 4 should be 'auto', 1 or 3"),
    "size": ({"path": "x", "size": 0}, "size: 0 should be pixels, 1 to 4096: size = 32, or"),
    "size as text": ({"path": "x", "size": "32"}, "size: '32' should be pixels"),
    "one side": ({"path": "x", "size": [32]}, r"size: \[32\] should be pixels"),
    "true": ({"path": "x", "size": True}, "size: True should be pixels"),
    "corrupt": ({"path": "x", "corrupt": "skipp"}, "corrupt = 'skipp' .*did you mean 'skip'"),
    "option": ({"path": "x", "colour": 1}, "has no option 'colour'"),
}


@pytest.mark.parametrize(("options", "message"), OPTIONS.values(), ids=OPTIONS)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=f"^the dataset 'image_folder'.*{message}") as caught:
        kinds.dataset("image_folder", options)
    assert str(caught.value).isprintable()


def test_rows_and_columns(tmp_path: Path) -> None:
    folder(tmp_path / "set", by_split(2, 20))
    found = loaded(tmp_path, {"path": "set", "size": [4, 6]})
    assert found.signature.inputs["pixels"].shape == (3, 4, 6)


def test_what_can_be_read_is_split_without_what_cant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder(tmp_path / "set", by_split(2, 20) | {"train/1/3.png": png()[:-30]})
    with pytest.raises(UserError, match=r"1 of 46 images can't be read: train/1/3.png"):
        loaded(tmp_path, {"path": "set"})
    found = loaded(tmp_path, {"path": "set", "corrupt": "skip"})
    assert len(found.training.train) + len(found.training.validation) == 39
    assert "left out 1 image that can't be read: train/1/3.png" in capsys.readouterr().err
