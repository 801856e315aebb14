"""Each job begins with the same random states, threads and precision, and leaves none behind."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from compbench.contracts import NullCase, TorchTechnique, Trainer, TrainingData
from compbench.data.splits import Data
from compbench.make import determinism
from compbench.make import job as make_job
from compbench.make.store import MODEL, Artifact, Store
from compbench.suite import plan, read
from compbench.suite.plan import Job

SUITE = """
seeds = [0, 1]
[variants.teacher]
technique = "train"
model = {{ name = "mlp", hidden = [4] }}
epochs = 0
[variants.noisy]
technique = "{module}:Noisy"
parent = "teacher"
source = "{source}"
"""
SOURCES: dict[str, Callable[[], float]] = {
    "numpy": lambda: float(np.random.normal()),
    "random": lambda: random.gauss(0, 1),
    "torch": lambda: float(torch.randn(())),
}


class Noisy(TorchTechnique):
    """Adds one random number, and leaves the process's settings other than they were."""

    null_case: ClassVar[NullCase] = NullCase({})
    seen: ClassVar[list[Any]] = []
    source: str = "numpy"

    def build(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> nn.Module:
        """The parent with noise."""
        noise = SOURCES[self.source]()
        precision = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
        self.seen.append((torch.get_num_threads(), *precision))
        with torch.no_grad():
            for parameter in parents[0].parameters():
                parameter.add_(noise)
        torch.set_num_threads(1)
        torch.set_float32_matmul_precision("medium")
        determinism.seed(123)
        return parents[0]


def made(jobs: Sequence[Job], tiny: Data, store: Store) -> list[bytes]:
    """The files of two jobs, a parent and its child."""
    parent, child = jobs
    artifacts: list[Artifact] = []
    for job in (parent, child):
        root = parent.variant.root_model
        parents = [make_job.Parent(artifact, root) for artifact in artifacts]
        manifest, files = make_job.make(job, parents, tiny, lambda *_: None)
        artifacts.append(store.put(manifest, files))
    return [artifact.read(MODEL) for artifact in artifacts]


def state() -> str:
    return repr(np.random.get_state())


@pytest.mark.parametrize(
    "source",
    [s if s == "numpy" else pytest.param(s, marks=pytest.mark.slow) for s in SOURCES],
)
def test_random_numbers_are_those_of_the_seed_and_none_leak(
    source: str, tiny: Data, tmp_path: Path, write_suite: Callable[[str], Path]
) -> None:
    path = write_suite(SUITE.format(module=__name__, source=source))
    jobs = plan.plan(read.load(path), "d")
    store = Store(tmp_path)
    store.root.mkdir()
    states = state(), random.getstate(), torch.get_rng_state()
    first = made(jobs[:2], tiny, store)
    assert states[0] == state()
    assert states[1] == random.getstate()
    assert torch.equal(states[2], torch.get_rng_state())
    for draw in SOURCES.values():
        draw()
    assert made(jobs[:2], tiny, store) == first
    assert made(jobs[2:], tiny, store)[1] != first[1]


def test_threads_and_precision_are_those_of_the_key_and_are_put_back(
    tiny: Data, tmp_path: Path, write_suite: Callable[[str], Path]
) -> None:
    path = write_suite(SUITE.format(module=__name__, source="torch"))
    threads = torch.get_num_threads()
    jobs = [
        replace(job, parts={**job.parts, "threads": threads + 1})
        for job in plan.plan(read.load(path), "d")[:2]
    ]
    store = Store(tmp_path)
    store.root.mkdir()
    Noisy.seen.clear()
    made(jobs, tiny, store)
    assert Noisy.seen == [(threads + 1, False, "highest")]
    assert torch.get_num_threads() == threads
    assert torch.get_float32_matmul_precision() == "highest"
    kept = store.find(jobs[1].key)
    assert kept is not None
    assert kept.manifest.parts["threads"] == threads + 1
    assert {"device", "precision"} <= kept.manifest.parts.keys()
    assert kept.manifest.versions["torch"] == torch.__version__
