from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.onnx._internal.exporter import _registration

from compbench.errors import JobFailed
from compbench.onnxfile import export
from tests.nets import image_signature

SIGNATURE = image_signature(1, 8, 8)


def nets() -> list[nn.Module]:
    torch.manual_seed(0)
    flat = nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.ReLU())
    deep = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.MaxPool2d(2), nn.Flatten())
    return [flat, deep]


def test_the_exporters_table_is_made_once_and_the_files_are_the_same(monkeypatch) -> None:
    made, making = [], _registration.ONNXRegistry.from_torchlib

    def counted(*args: object, **options: object) -> object:
        made.append(1)
        return making(*args, **options)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(_registration.ONNXRegistry, "from_torchlib", staticmethod(counted))
    monkeypatch.setattr(export, "_tables", {})
    files = [export.to_onnx(net, SIGNATURE) for net in (*nets(), *nets())]
    assert len(made) == 1
    assert files[:2] == files[2:]
    monkeypatch.setattr(export, "_tables", {})
    assert export.to_onnx(nets()[1], SIGNATURE) == files[1]
    assert len(made) == 2
    assert vars(_registration.ONNXRegistry)["from_torchlib"].__func__ is counted


class Branching(nn.Module):
    """What it does depends on what it sees, which no graph can say."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.flatten(1)[:, :3] if float(pixels.sum()) > 0 else pixels.flatten(1)[:, 3:6]


def test_what_stops_an_export_is_told_and_not_its_steps() -> None:
    with pytest.raises(JobFailed, match="it can't be exported to ONNX: ") as caught:
        export.to_onnx(Branching(), SIGNATURE)
    said = str(caught.value)
    assert "step 1/3" not in said and "data-dependent" in said
    assert said.isprintable() and len(said) <= 300
    assert "Traceback" in caught.value.details
