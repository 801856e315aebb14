"""Channels go until the measured latency is met; what was measured is remembered by the job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.make.latency import of_nets
from compbench.measure.latency_share import latency_share
from compbench.models import cnn
from compbench.techniques.prune_channels import Technique
from compbench.training.loop import Fit
from tests.techniques.test_families import net


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


class Machine:
    """One on which a net takes as long as it has parameters, and half of that always."""

    def __init__(self) -> None:
        self.taken = 0

    def __call__(self, model: nn.Module, whole: nn.Module) -> float:
        self.taken += 1
        return 0.5 + 0.5 * parameters(model) / parameters(whole)


def pruned(
    data: Data,
    ratio: float,
    latency: Callable[[nn.Module, nn.Module], float],
    folder: Path | None = None,
    parent: nn.Module | None = None,
) -> tuple[nn.Module, Fit]:
    torch.manual_seed(1)
    fit = Fit(data.training, 1, lambda epoch, total: None, folder, latency)
    technique = Technique(of="latency", ratio=ratio, round_to=1, epochs=0)
    return technique.build([parent or net()], data.training, fit), fit


@pytest.mark.parametrize("ratio", [0.1, 0.3, 0.45])
def test_no_more_goes_than_the_latency_needs(tiny: Data, ratio: float) -> None:
    machine = Machine()
    made, fit = pruned(tiny, ratio, machine)
    assert machine.taken <= 32, "each choice of widths is measured once"
    share = machine(made, net())
    assert 1 - ratio - 0.05 <= share <= 1 - ratio
    assert any(f"{1 - share:.1%} of its parent's latency went" in note for note in fit.notes)


def test_a_latency_that_cannot_be_met_is_told_before_training(tiny: Data) -> None:
    with pytest.raises(JobFailed, match=r"ratio = 0\.6 of latency: at most 50% can go"):
        pruned(tiny, 0.6, Machine())


def test_a_killed_job_goes_on_with_what_it_measured(tiny: Data, tmp_path: Path) -> None:
    folder = tmp_path / "unfinished"
    first, _ = pruned(tiny, 0.3, Machine(), folder)

    def other_by_now(model: nn.Module, whole: nn.Module) -> float:
        return 0.01

    again, _ = pruned(tiny, 0.3, other_by_now, folder)
    assert [p.shape for p in again.parameters()] == [p.shape for p in first.parameters()]
    for file in folder.glob("*.json"):
        file.write_bytes(file.read_bytes()[:-4])
    other, _ = pruned(tiny, 0.3, other_by_now, folder)
    assert parameters(other) > parameters(first), "what is damaged is measured again"


def test_measuring_draws_no_random_numbers(tiny: Data) -> None:
    def draws(model: nn.Module, whole: nn.Module) -> float:
        return float(torch.rand(()))

    fit, one = Fit(tiny.training, 1, lambda epoch, total: None, None, draws), net()
    before = torch.random.get_rng_state()
    fit.latency_share(one, one)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_it_is_measured_here(tiny: Data) -> None:
    parent = cnn.Model(channels=(64, 128), hidden=64).build(tiny.training.signature).eval()
    made, fit = pruned(tiny, 0.1, of_nets(latency_share, tiny.training), parent=parent)
    assert parameters(made) < parameters(parent)
    assert [note for note in fit.notes if " of its parent's latency went, where 10.0% " in note]
