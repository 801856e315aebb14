"""Channels go until the measured latency is met; what was measured is remembered by the job."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from compbench.contracts import TrainingData
from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.models import cnn
from compbench.techniques.prune_channels import Technique
from compbench.toolkit import latency
from compbench.training.loop import Fit
from tests.techniques.test_families import net


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


class Fake:
    """A machine on which a net takes as long as it has parameters, and half of that always."""

    taken: int = 0

    def __init__(self, model: nn.Module, data: TrainingData):
        self.whole = parameters(model)

    def share(self, model: nn.Module) -> float:
        Fake.taken += 1
        return 0.5 + 0.5 * parameters(model) / self.whole


def pruned(
    data: Data, ratio: float, folder: Path | None = None, parent: nn.Module | None = None
) -> tuple[nn.Module, Fit]:
    torch.manual_seed(1)
    fit = Fit(data.training, 1, lambda epoch, total: None, folder)
    technique = Technique(of="latency", ratio=ratio, round_to=1, epochs=0)
    return technique.build([parent or net()], data.training, fit), fit


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    Fake.taken = 0
    if "here" not in request.node.name:
        monkeypatch.setattr(latency, "Beside", Fake)


@pytest.mark.parametrize("ratio", [0.1, 0.3, 0.45])
def test_no_more_goes_than_the_latency_needs(tiny: Data, ratio: float) -> None:
    made, fit = pruned(tiny, ratio)
    share = Fake(net(), tiny.training).share(made)
    assert 1 - ratio - 0.05 <= share <= 1 - ratio
    assert Fake.taken <= 20, "each choice of widths is measured once"
    assert any(f"its latency was {share:.2f} of its parent's" in note for note in fit.notes)


def test_a_latency_that_cannot_be_met_is_told_before_training(tiny: Data) -> None:
    with pytest.raises(JobFailed, match=r"ratio = 0\.6 of latency: at most 50% can go"):
        pruned(tiny, 0.6)


def test_a_killed_job_goes_on_with_what_it_measured(
    tiny: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "unfinished"
    first, _ = pruned(tiny, 0.3, folder)
    monkeypatch.setattr(Fake, "share", lambda self, model: 0.01)  # the machine is another by now
    again, _ = pruned(tiny, 0.3, folder)
    assert [p.shape for p in again.parameters()] == [p.shape for p in first.parameters()]
    for file in folder.glob("*.json"):
        file.write_bytes(file.read_bytes()[:-4])
    other, _ = pruned(tiny, 0.3, folder)
    assert parameters(other) > parameters(first), "what is damaged is measured again"


def test_it_is_measured_here(tiny: Data) -> None:
    parent = cnn.Model(channels=(64, 128), hidden=64).build(tiny.training.signature).eval()
    made, fit = pruned(tiny, 0.1, parent=parent)
    assert parameters(made) < parameters(parent)
    assert [note for note in fit.notes if note.startswith("its latency was 0.")]
