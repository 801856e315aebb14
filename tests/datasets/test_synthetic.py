from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compbench.contracts import kinds
from compbench.contracts.model import made_model
from compbench.data import splits
from compbench.data.splits import Data
from compbench.onnxfile.export import torch_outputs

WANTED = {
    "images": {"pixels": ("uint8", (1, 12, 12))},
    "features": {"features": ("float32", (16,))},
    "tokens": {"tokens": ("int64", (12,)), "mask": ("int64", (12,))},
    "waveform": {"waveform": ("float32", (256,))},
}


def loaded(**options: Any) -> Data:
    source = kinds.dataset("synthetic", options)
    return splits.load(source, Path("no/such/folder"), kinds.made_task("classification"))


@pytest.mark.parametrize(
    ("kind", "model"),
    [("tokens", "text_cnn"), ("tokens", "transformer"), ("waveform", "keyword_cnn")],
)
def test_nets_for_its_kinds_can_be_made(kind: str, model: str) -> None:
    length = {"length": 8000} if kind == "waveform" else {}
    found = loaded(kind=kind, samples=60, **length)
    net = made_model(model).build(found.signature)
    outputs = torch_outputs(net, found.training, [found.test.arrays])
    assert outputs.shape == (len(found.test), found.signature.outputs)


@pytest.mark.parametrize("kind", [*WANTED])
def test_each_kind_has_its_inputs(kind: str) -> None:
    found = loaded(kind=kind, class_count=4, samples=200)
    assert found.training.train.kinds == WANTED[kind]
    assert len(found.class_names) == found.signature.outputs == 4
    again, other = loaded(kind=kind, class_count=4, samples=200), loaded(kind=kind, seed=1)
    name = next(iter(WANTED[kind]))
    assert np.array_equal(found.test.arrays[name], again.test.arrays[name])
    assert not np.array_equal(found.test.arrays[name][:9], other.test.arrays[name][:9])


def nearest_mean(kind: str, difficulty: float) -> float:
    """The share right of the class whose mean is nearest, after what position or phase hides."""
    found = loaded(kind=kind, samples=1200, difficulty=difficulty)

    def seen(arrays: dict[str, np.ndarray]) -> np.ndarray:
        if kind == "tokens":
            tokens = arrays["tokens"]
            return np.stack([np.bincount(row, minlength=40)[1:] for row in tokens]).astype(float)
        if kind == "waveform":
            return np.abs(np.fft.rfft(arrays["waveform"]))
        return (
            next(iter(arrays.values())).reshape(len(arrays[next(iter(arrays))]), -1).astype(float)
        )

    train, test = seen(dict(found.training.train.arrays)), seen(dict(found.test.arrays))
    labels = found.training.train.targets
    means = np.stack([train[labels == label].mean(0) for label in range(3)])
    said = np.square(test[:, None] - means).sum(2).argmin(1)
    return float((said == found.test.targets).mean())


@pytest.mark.parametrize("kind", [*WANTED])
def test_difficulty_is_how_far_classes_lie_apart(kind: str) -> None:
    assert nearest_mean(kind, 0) > 0.98
    assert nearest_mean(kind, 1) < 0.5


def test_texts_are_filled_up_where_the_mask_is_0() -> None:
    arrays = loaded(kind="tokens").training.train.arrays
    assert np.array_equal(arrays["mask"] == 0, arrays["tokens"] == 0)
    lengths = arrays["mask"].sum(1)
    assert lengths.min() >= 6 and lengths.max() == 12 and len({*lengths.tolist()}) > 3
    assert np.all(np.diff(arrays["mask"], axis=1) <= 0)
