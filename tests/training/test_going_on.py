"""A killed training goes on from the last epoch that it finished, and ends with the same bytes."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from compbench.contracts import Batch, Epoch, Recipe, TrainingData, stateless
from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.make import job as make_job
from compbench.make import rewrite
from compbench.make.store import Artifact, Manifest, Store
from compbench.models import mlp
from compbench.runtime.process import Worker
from compbench.suite import plan
from compbench.suite import read as suites
from compbench.suite.plan import Job
from compbench.tasks import classification
from compbench.training import unfinished
from compbench.training.loop import Fit
from compbench.training.weights import held
from tests.conftest import SIGNATURE, split

SUITE = """
[variants.teacher]
technique = "train"
model = { name = "cnn", channels = [4, 8], hidden = 16 }
epochs = 3
shift_pixels = 1

[variants.rich]
technique = "train"
model = { name = "cnn", channels = [4, 8], hidden = 16 }
optimizer = "sgd"
epochs = 4
batch_size = 32
micro_batch = 12
ema_decay = 0.9
patience = 2
crop_pixels = 1
flip = true
erase = 0.5
mixup = 0.3

[variants.student]
technique = "distill"
parent = "teacher"
model = { name = "mlp", hidden = [16] }
epochs = 4
flip = true

[variants.taught]
technique = "distill"
parent = "teacher"
model = { name = "cnn", channels = [4, 4], hidden = 8 }
losses = ["soft", "hints", "contrastive"]
epochs = 4
micro_batch = 48

[variants.pruned]
technique = "prune_channels"
parent = "teacher"
importance = "taylor"
round_to = 1
steps = 2
epochs = 2

[variants.sparse]
technique = "prune_weights"
parent = "teacher"
batch_size = 16
epochs = 4

[variants.rounds]
technique = "prune_weights"
parent = "teacher"
method = "iterative"
steps = 2
epochs = 2

[variants.factors]
technique = "low_rank"
parent = "teacher"
ratio = 0.5
epochs = 3

[variants.shared]
technique = "cluster_weights"
parent = "teacher"
bits = 2
epochs = 3

[variants.int8]
technique = "quantize_aware"
parent = "teacher"
epochs = 3
"""
VARIANTS = (
    "teacher",
    "rich",
    "student",
    "taught",
    "pruned",
    "sparse",
    "rounds",
    "factors",
    "shared",
    "int8",
)


def jobs(folder: Path) -> dict[str, Job]:
    path = folder / "mine.toml"
    path.write_text(f'dataset = "digits"\n{SUITE}')
    return {job.variant.name: job for job in plan.plan(suites.load(path), "d" * 64)}


def made(
    job: Job,
    parents: Mapping[str, Artifact],
    data: Data,
    on_epoch: Callable[[Epoch, int], None],
    folder: Path | None = None,
    worker: Worker | None = None,
) -> tuple[Manifest, dict[str, bytes]]:
    roots = [make_job.Parent(parents[p], job.variant.root_model) for p in job.variant.parents]
    return make_job.make(job, roots, data, on_epoch, worker, folder)


def hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


@pytest.fixture(scope="module")
def worker(tiny: Data) -> Iterator[Worker]:
    with Worker(rewrite.arrays(tiny)) as worker:
        yield worker


@pytest.fixture(scope="module")
def teacher(tiny: Data, worker: Worker, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = tmp_path_factory.mktemp("teacher")
    store = Store(folder)
    store.root.mkdir()
    return store.put(*made(jobs(folder)["teacher"], {}, tiny, lambda *_: None, None, worker))


@pytest.mark.parametrize("variant", VARIANTS)
def test_stopped_at_any_epoch_it_ends_with_the_same_bytes(
    variant: str,
    tiny: Data,
    teacher: Artifact,
    worker: Worker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stopped several times; no epoch is trained twice, those of earlier calls neither."""
    monkeypatch.setattr(unfinished, "EVERY_S", 0.0)
    job, parents = jobs(tmp_path)[variant], {"teacher": teacher}
    trained: list[int] = []

    def note(epoch: Epoch, total: int) -> None:
        trained.append(epoch.epoch)

    manifest, files = made(job, parents, tiny, note, None, worker)
    stops = sorted(random.Random(variant).sample(trained, 2))
    seen: list[int] = []

    def stop(epoch: Epoch, total: int) -> None:
        seen.append(epoch.epoch)
        if epoch.epoch in stops:
            raise KeyboardInterrupt

    folder = tmp_path / "unfinished"
    for _ in stops:
        with pytest.raises(KeyboardInterrupt):
            made(job, parents, tiny, stop, folder, worker)
    again, others = made(job, parents, tiny, stop, folder, worker)
    assert seen == trained
    assert hashes(others) == hashes(files)
    assert (again.samples_seen, again.chosen_epoch) == (
        manifest.samples_seen,
        manifest.chosen_epoch,
    )
    assert again.notes == manifest.notes


KILLED = """
import os, signal, sys
from pathlib import Path
from compbench.tasks import classification
from compbench.training import unfinished
from tests.training import test_going_on as tests

unfinished.EVERY_S = 0.0
where, after = Path(sys.argv[1]), int(sys.argv[2])

def on_epoch(epoch, total):
    if epoch.epoch == after:
        os.kill(os.getpid(), signal.SIGKILL)

job, data = tests.jobs(where)["rich"], tests.as_in_the_fixture()
print(tests.hashes(tests.made(job, {}, data, on_epoch, where)[1]))
"""


def as_in_the_fixture() -> Data:
    """What `tiny` is."""
    training = TrainingData(split(96, 0), split(48, 1), classification.Task(), SIGNATURE)
    return Data(training, split(60, 2))


def test_killed_it_ends_with_the_same_bytes(tiny: Data, tmp_path: Path) -> None:
    """By SIGKILL in a process of its own, which has no time to tidy up."""
    _, files = made(jobs(tmp_path)["rich"], {}, tiny, lambda *_: None)
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    for after, expected in ((1, -signal.SIGKILL), (3, -signal.SIGKILL), (0, 0)):
        command = [sys.executable, "-c", KILLED, str(tmp_path), str(after)]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert ended.returncode == expected, ended.stderr
        left = [path.name for path in tmp_path.glob("*.safetensors")]
        assert left == ["1.safetensors"]
    assert ended.stdout.splitlines()[-1] == str(hashes(files))


def net(data: Data) -> nn.Module:
    torch.manual_seed(0)
    return mlp.Model(hidden=(16,)).build(data.signature)


def stopped(
    folder: Path, data: Data, model: nn.Module, recipe: Recipe, at: int, **functions: object
) -> list[int]:
    """The epochs that a call of the loop trains, which ends by Ctrl-C after one of them."""
    seen = []

    def stop(epoch: Epoch, total: int) -> None:
        seen.append(epoch.epoch)
        if epoch.epoch == at:
            raise KeyboardInterrupt

    torch.manual_seed(1)
    fit = Fit(data.training, 0, stop, folder)
    try:
        fit(model, recipe, **functions)  # type: ignore[arg-type]
    except KeyboardInterrupt:
        assert at
    return seen


@pytest.mark.parametrize("at", [1, 2, 3])
def test_all_random_states_go_on(
    tiny: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Torch's in dropout, NumPy's and Python's in a loss; a buffer that no state dict has."""
    monkeypatch.setattr(unfinished, "EVERY_S", 0.0)

    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net, self.dropout = net(tiny), nn.Dropout(0.3)
            self.register_buffer("calls", torch.zeros(()), persistent=False)

        def forward(self, pixels: Tensor) -> Tensor:
            self.calls += self.training
            return self.net(self.dropout(pixels)) * (1 + 0.01 * self.calls)

    @stateless
    def loss(outputs: Tensor, batch: Batch) -> Tensor:
        factor = np.random.rand() + random.random() + random.gauss(1, 0.1)
        return factor * nn.functional.cross_entropy(outputs, batch.targets)

    def begun() -> nn.Module:
        np.random.seed(0)
        random.seed(0)
        return Noisy()

    recipe = Recipe(epochs=4, batch_size=16)
    whole = begun()
    assert stopped(tmp_path / "none", tiny, whole, recipe, 0, loss=loss) == [1, 2, 3, 4]
    folder = tmp_path / "some"
    assert len(stopped(folder, tiny, begun(), recipe, at, loss=loss)) == at
    parts = begun()
    assert len(stopped(folder, tiny, parts, recipe, 0, loss=loss)) == 4 - at
    for name, value in held(whole).items():
        assert torch.equal(value, held(parts)[name]), name


class Counting:
    """A loss that grows with each batch, and says so."""

    def __init__(self) -> None:
        self.count = torch.zeros(())

    def __call__(self, outputs: Tensor, batch: Batch) -> Tensor:
        self.count += 1
        loss = nn.functional.cross_entropy(outputs, batch.targets)
        return loss * (1 + 0.05 * self.count)

    def state_dict(self) -> dict[str, Tensor]:
        return {"count": self.count}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.count = state["count"].clone()


@pytest.mark.parametrize("micro_batch", [None, "auto"])
def test_what_a_loss_remembers_goes_on(
    micro_batch: Literal["auto"] | None, tiny: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unfinished, "EVERY_S", 0.0)
    recipe = Recipe(epochs=4, batch_size=16, micro_batch=micro_batch)
    whole, counting = net(tiny), Counting()
    stopped(tmp_path / "none", tiny, whole, recipe, 0, loss=counting)
    assert counting.count == 4 * 6, "trials of what fits are none of the training"
    folder, parts = tmp_path / "some", net(tiny)
    assert stopped(folder, tiny, net(tiny), recipe, 2, loss=Counting()) == [1, 2]
    assert stopped(folder, tiny, parts, recipe, 0, loss=Counting()) == [3, 4]
    for name, value in held(whole).items():
        assert torch.equal(value, held(parts)[name]), name


def test_a_net_with_a_source_of_random_numbers_of_its_own_starts_again(
    tiny: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unfinished, "EVERY_S", 0.0)
    for source in (torch.Generator(), np.random.default_rng(0), random.Random(0)):
        model = net(tiny)
        model.source = source  # type: ignore[assignment]
        assert stopped(tmp_path, tiny, model, Recipe(epochs=2, batch_size=16), 1) == [1]
        assert not [*tmp_path.glob("*.safetensors")]


def test_a_state_of_another_beginning_is_not_taken(
    tiny: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other weights, another recipe, another random state: it trains from its first epoch."""
    monkeypatch.setattr(unfinished, "EVERY_S", 0.0)
    recipe = Recipe(epochs=3, batch_size=16)
    assert stopped(tmp_path, tiny, net(tiny), recipe, at=2) == [1, 2]
    other = net(tiny)
    with torch.no_grad():
        next(other.parameters()).view(-1)[0] += 1e-6
    assert stopped(tmp_path / "a", tiny, net(tiny), recipe, at=2) == [1, 2]
    assert stopped(tmp_path / "a", tiny, other, recipe, at=1) == [1]
    slower = Recipe(epochs=3, batch_size=16, learning_rate=1e-3)
    assert stopped(tmp_path, tiny, net(tiny), slower, at=1) == [1]
    assert stopped(tmp_path, tiny, net(tiny), recipe, at=0) == [1, 2, 3]  # overwritten by then


def test_what_remembers_something_unsaid_starts_again(
    tiny: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loss or step of a technique's own, unless it says what it remembers; a counting module."""
    monkeypatch.setattr(unfinished, "EVERY_S", 0.0)

    def loss(outputs: Tensor, batch: Batch) -> Tensor:
        return nn.functional.cross_entropy(outputs, batch.targets)

    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net, self.times = net(tiny), 0

        def forward(self, pixels: Tensor) -> Tensor:
            self.times += 1
            return self.net(pixels)

    recipe = Recipe(epochs=2, batch_size=16)
    names = count()
    for model, functions in (
        (net, {"loss": loss}),
        (net, {"after_step": lambda share_done: True}),
        (lambda _: Counting(), {}),
    ):
        folder = tmp_path / str(next(names))
        assert stopped(folder, tiny, model(tiny), recipe, 1, **functions) == [1]
        assert not folder.exists()


def test_a_training_of_seconds_writes_nothing(tiny: Data, tmp_path: Path) -> None:
    stopped(tmp_path / "unfinished", tiny, net(tiny), Recipe(epochs=2), 0)
    assert not list(tmp_path.iterdir())


def test_a_damaged_state_is_not_taken(
    tiny: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unfinished, "EVERY_S", 0.0)
    recipe = Recipe(epochs=2, batch_size=16)
    assert stopped(tmp_path, tiny, net(tiny), recipe, 1) == [1]
    path = tmp_path / "1.safetensors"
    for damage in (b"", b"\x80\x04.", path.read_bytes()[:-9]):
        path.write_bytes(damage)
        assert stopped(tmp_path, tiny, net(tiny), recipe, 1) == [1]
    assert stopped(tmp_path, tiny, net(tiny), recipe, 0) == [2]


def test_what_is_put_into_the_store_is_no_longer_unfinished(
    tiny: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what nobody came back for is forgotten."""
    monkeypatch.setattr(unfinished, "EVERY_S", 0.0)
    store = Store(tmp_path)
    job = jobs(tmp_path)["teacher"]
    other = store.unfinished("f" * 32)
    with store.lock():
        folder = store.unfinished(job.key)
        content = made(job, {}, tiny, lambda *_: None, folder)
        assert folder.is_dir()
        store.put(*content)
        assert not folder.exists()
        other.mkdir()
    with store.lock():
        assert other.is_dir()
    os.utime(other, (0, 0))
    with store.lock():
        assert not other.exists()


def test_a_loss_that_is_no_number_says_so(tiny: Data, tmp_path: Path) -> None:
    with pytest.raises(JobFailed, match="lower learning_rate"):
        stopped(tmp_path, tiny, net(tiny), Recipe(epochs=3, learning_rate=1e30, gradient_norm=0), 9)
