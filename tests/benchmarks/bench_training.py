"""compbench's training loop against the loop that everybody writes; `make bench` runs this.

Both do the same: AdamW, one-cycle schedule, clipped gradients, shuffled batches of 128, on one
thread. The plain one goes through a DataLoader over tensors in memory, its fastest common form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median
from time import perf_counter

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from compbench.contracts import ModelFamily, Recipe, Split, TrainingData
from compbench.contracts.inputs import PIXELS
from compbench.models import cnn, mlp
from compbench.tasks import classification
from compbench.training.loop import Fit
from tests.nets import image_signature

CLASSES, IMAGES, ROUNDS = 10, 2560, 3
SIGNATURE = image_signature(1, 28, 28, CLASSES)
NETS: dict[str, ModelFamily] = {
    "mlp": mlp.Model(),
    "cnn": cnn.Model(channels=(8, 16), hidden=64),
}
RECIPE = Recipe(epochs=1)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As every measurement of a busy machine should be."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def split(count: int, seed: int) -> Split:
    random = np.random.default_rng(seed)
    labels = random.integers(0, CLASSES, count)
    images = random.normal(0, 0.5, (count, *SIGNATURE.image))
    images[np.arange(count), 0, labels] += 1  # a bright line says which class it is
    return Split({PIXELS: np.rint(128 + 60 * images).clip(0, 255).astype(np.uint8)}, labels)


def plain(model: nn.Module, data: TrainingData) -> None:
    """One epoch, and the accuracy on the validation split."""
    images = torch.from_numpy(data.prepared(data.train.arrays)[PIXELS])
    tensors = (images, torch.from_numpy(data.train.targets))
    loader = DataLoader(TensorDataset(*tensors), batch_size=RECIPE.batch_size, shuffle=True)
    optimizer = torch.optim.AdamW(model.parameters(), RECIPE.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RECIPE.learning_rate, total_steps=len(loader)
    )
    model.train()
    for images, labels in loader:
        loss = nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), RECIPE.gradient_norm)
        optimizer.step()
        schedule.step()
    model.eval()
    with torch.no_grad():
        model(torch.from_numpy(data.prepared(data.validation.arrays)[PIXELS])).argmax(1)


def seconds(work: Callable[[], object]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started


def net(name: str) -> nn.Module:
    torch.manual_seed(0)
    return NETS[name].build(SIGNATURE)


def fitted(name: str, data: TrainingData) -> Fit:
    fit = Fit(data, 0, lambda epoch, total: None)
    fit(net(name), RECIPE)
    return fit


@pytest.fixture(scope="module")
def synthetic() -> TrainingData:
    return TrainingData(split(IMAGES, 0), split(IMAGES // 10, 1), classification.Task(), SIGNATURE)


@pytest.mark.parametrize("name", NETS)
def bench_an_epoch(benchmark: BenchmarkFixture, name: str, synthetic: TrainingData) -> None:
    """compbench's loop; in `extra_info` its time over the plain one's, the two taking turns."""
    benchmark.group = f"epoch of {name}"

    def ours() -> Fit:
        return fitted(name, synthetic)

    def theirs() -> None:
        plain(net(name), synthetic)

    ours()
    theirs()  # both warm
    ratios = [seconds(ours) / seconds(theirs) for _ in range(ROUNDS)]
    benchmark.extra_info |= {"seconds_over_plain_loop": median(ratios), "images": IMAGES}
    fit = benchmark.pedantic(ours, rounds=ROUNDS)
    assert fit.samples_seen == IMAGES
    assert fit.history[-1].validation > 2 / CLASSES


@pytest.mark.parametrize("name", NETS)
def bench_an_epoch_of_the_plain_loop(
    benchmark: BenchmarkFixture, name: str, synthetic: TrainingData
) -> None:
    """The same net, data and recipe."""
    benchmark.group = f"epoch of {name}"
    benchmark.pedantic(lambda: plain(net(name), synthetic), rounds=ROUNDS, warmup_rounds=1)
