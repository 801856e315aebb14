"""What stands for a whole split: of all its classes, whatever their order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from compbench.contracts import Split
from compbench.contracts.inputs import PIXELS
from compbench.data.splits import Data
from compbench.onnxfile.export import to_onnx
from compbench.onnxfile.graph import settled
from compbench.techniques import prune_channels, quantize_static
from compbench.toolkit.quantize import onnxruntime as quantizer
from compbench.toolkit.sample import sample
from compbench.training.loop import Fit
from tests.techniques.test_families import net


def by_class(data: Data) -> Data:
    """As folders of classes are listed."""
    train = data.training.train
    order = np.argsort(train.targets, kind="stable")
    return replace(data, training=replace(data.training, train=train.part(order)))


def mapped(split: Split, folder: Path) -> Split:
    np.save(folder / "pixels.npy", split.arrays[PIXELS])
    return Split({PIXELS: np.load(folder / "pixels.npy", mmap_mode="r")}, split.targets)


@pytest.mark.parametrize("is_mapped", [False, True])
def test_a_sample_is_of_all_classes_and_always_the_same(
    is_mapped: bool, tiny: Data, tmp_path: Path
) -> None:
    train = by_class(tiny).training.train
    train = mapped(train, tmp_path) if is_mapped else train
    found, again = sample(train, 24), sample(train, 24)
    assert {*found.targets} == {0, 1, 2} and len(found) == 24
    assert np.array_equal(found.arrays[PIXELS], again.arrays[PIXELS])
    every = zip(train.arrays[PIXELS], train.targets, strict=True)
    rows = {image.tobytes(): label for image, label in every}
    for image, label in zip(found.arrays[PIXELS], found.targets, strict=True):
        assert rows[image.tobytes()] == label
    assert np.array_equal(sample(train, 1000).arrays[PIXELS], train.arrays[PIXELS])


def test_quantizers_see_all_classes(tiny: Data) -> None:
    data = by_class(tiny)
    model = settled(to_onnx(net(), data.training.signature))
    bright = [*quantizer._batches(model, data.training, 24)]
    pixels = np.concatenate([next(iter(batch.values())) for batch in bright])
    thirds = {int(image[0].mean(0).reshape(3, 4).mean(1).argmax()) for image in pixels}
    assert thirds == {0, 1, 2}


def test_files_do_not_depend_on_the_order_of_a_small_split(tiny: Data) -> None:
    file = to_onnx(net(), tiny.training.signature)
    technique = quantize_static.Technique(calibration_samples=96)
    one, other = (technique.rewrite(file, data.training) for data in (tiny, by_class(tiny)))
    assert one == other


def test_taylor_s_importance_is_of_all_classes(tiny: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune_channels, "_TAYLOR_SAMPLES", 24)
    seen, data = [], by_class(tiny)
    loss = type(data.task).loss

    def spied(self, outputs, targets):  # type: ignore[no-untyped-def]
        seen.append(targets)
        return loss(self, outputs, targets)

    monkeypatch.setattr(type(data.task), "loss", spied)
    torch.manual_seed(0)
    model = net()
    next(model.parameters()).requires_grad_(False)
    step = prune_channels.Technique(importance="taylor", round_to=1, epochs=0)
    made = step.build([model], data.training, Fit(data.training, 0, lambda *_: None))
    assert {*seen[0].tolist()} == {0, 1, 2}
    flags = [parameter.requires_grad for parameter in made.parameters()]
    assert flags == [False, *[True] * (len(flags) - 1)], "what was frozen stays so"


def test_parts_are_of_so_many_bytes() -> None:
    large = Split({PIXELS: np.zeros((40, 3, 1024, 1024), np.uint8)}, np.zeros(40, np.int64))
    parts = [len(part[PIXELS]) for part in large.chunks()]
    assert max(parts) * 3 * 1024**2 <= 1 << 26 and sum(parts) == 40
    small = Split({"x": np.zeros((9000, 1), np.float32)}, np.zeros(9000, np.int64))
    assert [len(part["x"]) for part in small.chunks()] == [4096, 4096, 808]
