"""Shifted copies of a split: the same each time, like their originals, and one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compbench.contracts import Input, ShiftBase, Split, TrainingData, kinds
from compbench.contracts.inputs import PIXELS
from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.measure import shifted as measure_shifted
from compbench.measure.shifted import BATCH, Shifted, shifted
from compbench.runtime import inference


class Odd(ShiftBase):
    """Gives what it is told to."""

    gives: Any = None

    def misfit(self, inputs: Mapping[str, Input]) -> str | None:
        return None

    def begin(self, data: TrainingData) -> Any:
        return lambda raw, severity, random: self.gives(dict(raw), severity, random)


def noise(seed: int = 0) -> ShiftBase:
    return kinds.made_shift("noise", {"seed": seed})


def larger(data: Data) -> Split:
    """More samples than are shifted together."""
    rows = np.arange(2 * BATCH + 7) % len(data.test)
    return data.test.part(rows)


def test_a_copy_is_the_same_each_time_and_the_original_stays(tiny: Data) -> None:
    split, before = larger(tiny), larger(tiny).arrays[PIXELS]
    one = shifted(split, noise(), 5, tiny.training)
    again = shifted(split, noise(), 5, tiny.training)
    np.testing.assert_array_equal(one.arrays[PIXELS], again.arrays[PIXELS])
    np.testing.assert_array_equal(split.arrays[PIXELS], before)
    np.testing.assert_array_equal(one.targets, split.targets)
    other = shifted(split, noise(seed=1), 5, tiny.training)
    assert (other.arrays[PIXELS] != one.arrays[PIXELS]).any()
    same = shifted(split, noise(), 0, tiny.training)
    np.testing.assert_array_equal(same.arrays[PIXELS], before)


def test_batches_differ_in_their_noise(tiny: Data) -> None:
    grey = Split({PIXELS: np.full((2 * BATCH, 1, 12, 12), 128, np.uint8)}, np.zeros(2 * BATCH))
    found = shifted(grey, noise(), 5, tiny.training).arrays[PIXELS]
    assert (found[:BATCH] != found[BATCH:]).any()


def test_severities_differ_in_strength_alone(tiny: Data) -> None:
    grey = Split({PIXELS: np.full((9, 1, 12, 12), 128, np.uint8)}, np.zeros(9))
    one, other = (shifted(grey, noise(), s, tiny.training).arrays[PIXELS] for s in (1, 5))
    ratio = (other.astype(float) - 128).std() / (one.astype(float) - 128).std()
    assert ratio == pytest.approx(2.5, abs=0.05)
    signs = np.sign(other.astype(float) - 128), np.sign(one.astype(float) - 128)
    assert (signs[0] * signs[1] >= 0).all()


def test_what_lies_in_files_is_shifted_into_files(tiny: Data, tmp_path: Path) -> None:
    source = tiny.test.arrays[PIXELS]
    mapped = np.memmap(tmp_path / "test.bin", np.uint8, "w+", shape=source.shape)
    mapped[:] = source
    read = np.memmap(tmp_path / "test.bin", np.uint8, "r", shape=source.shape)
    rows = np.arange(len(source))[::-1].copy()
    split = Split({PIXELS: read}, tiny.test.targets, rows)
    folder = tmp_path / "shifted"
    folder.mkdir()
    found = shifted(split, noise(), 3, tiny.training, folder)
    assert not found.is_in_memory and [*folder.iterdir()]
    in_memory = Split({PIXELS: source[rows]}, tiny.test.targets[rows])
    wanted = shifted(in_memory, noise(), 3, tiny.training)
    np.testing.assert_array_equal(found.arrays[PIXELS], wanted.arrays[PIXELS])
    packed = inference.packed("shifted", found)
    again = inference.split_of("shifted", packed)
    np.testing.assert_array_equal(again.arrays[PIXELS], wanted.arrays[PIXELS])


def test_a_mapped_test_split_leaves_no_file_behind(
    tiny: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tiny.test.arrays[PIXELS]
    mapped = np.memmap(tmp_path / "test.bin", np.uint8, "w+", shape=source.shape)
    data = replace(tiny, test=Split({PIXELS: mapped}, tiny.test.targets))
    folders = list[Path]()
    temporary = measure_shifted.Temporary

    def noted() -> Any:
        made = temporary()
        folders.append(Path(made.path))
        return made

    monkeypatch.setattr(measure_shifted, "Temporary", noted)
    with Shifted(data, 60).samples(noise(), 1):
        assert [path.exists() for path in folders] == [True]
    assert [path.exists() for path in folders] == [False]


WRONG = {
    "another name": (lambda raw, *_: {"image": raw[PIXELS]}, "gave image for the inputs pixels"),
    "nothing": (lambda *_: None, "the shift gave NoneType for the inputs pixels"),
    "another type": (
        lambda raw, *_: {PIXELS: raw[PIXELS] / 255},
        r"gave pixels float64 \(60, 1, 12, 12\) for uint8 \(60, 1, 12, 12\)",
    ),
    "another shape": (
        lambda raw, *_: {PIXELS: raw[PIXELS][:, :, :5]},
        r"gave pixels uint8 \(60, 1, 5, 12\) for uint8 \(60, 1, 12, 12\)",
    ),
}


@pytest.mark.parametrize(("gives", "message"), WRONG.values(), ids=WRONG)
def test_what_is_not_like_its_inputs_is_refused(tiny: Data, gives: Any, message: str) -> None:
    with pytest.raises(JobFailed, match=message):
        shifted(tiny.test, Odd(gives=gives), 1, tiny.training)


def test_numbers_without_end_and_unknown_tokens_are_refused(tiny: Data) -> None:
    known = {"features": Input("float32", (2,)), "tokens": Input("int64", (3,), values=4)}
    signature = replace(tiny.signature, inputs=known)
    training = replace(tiny.training, signature=signature)
    arrays = {"features": np.ones((5, 2), np.float32), "tokens": np.ones((5, 3), np.int64)}
    split = Split(arrays, np.zeros(5))
    endless = Odd(gives=lambda raw, *_: raw | {"features": raw["features"] * np.float32(np.inf)})
    with pytest.raises(JobFailed, match="gave features with what is no finite number"):
        shifted(split, endless, 1, training)
    beyond = Odd(gives=lambda raw, *_: raw | {"tokens": raw["tokens"] + 3})
    with pytest.raises(JobFailed, match="gave tokens beyond 0 to 3"):
        shifted(split, beyond, 1, training)


def test_a_shift_can_not_write_into_the_test_split(tiny: Data) -> None:
    def in_place(raw: dict[str, Any], *_: Any) -> dict[str, Any]:
        raw[PIXELS] += 1
        return raw

    before = tiny.test.arrays[PIXELS].copy()
    with pytest.raises(ValueError, match="read-only"):
        shifted(tiny.test, Odd(gives=in_place), 1, tiny.training)
    np.testing.assert_array_equal(tiny.test.arrays[PIXELS], before)
