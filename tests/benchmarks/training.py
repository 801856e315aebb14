"""How near training comes to the time of its products alone; and a plain loop beside it.

`python -m tests.benchmarks.training [DATASET] [TURNS]`: in one process, on one thread, three arms
take turns at four epochs of the same images, nets and recipe:

- *limit*: only the products that the epoch needs, as bare calls of torch: each convolution and
  linear layer forward, its gradients by weight and by input backward, and those of the validation
  pass forward. The batches walk through the same images; nothing else is read or decided.
- *compbench*: `Fit`, validation included.
- *plain*: a loop as anyone would write it, over tensors in memory, validation included.

Times are of the process's CPU: what else runs on the machine disturbs them least. Then both loops
train to the end from several seeds, and their accuracies on the validation split are printed. What
is promised is a share of the limit's speed, by net (`AT_LEAST`). Ten minutes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import mean, median, stdev
from time import process_time

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from compbench.contracts import ModelFamily, Recipe, Signature, Split, TrainingData
from compbench.contracts.inputs import PIXELS
from compbench.data import splits
from compbench.models import cnn, mlp
from compbench.registry import registry
from compbench.training.loop import Fit
from tests.benchmarks.bounds import Bounds
from tests.training.test_shifted import by_definition

NETS: dict[str, ModelFamily] = {"mlp": mlp.Model(), "cnn": cnn.Model()}
AT_LEAST = {"mlp": 0.45, "cnn": 0.6}  # of the limit
IMAGES, EPOCHS, SEEDS = 2560, 4, range(5)
VALIDATION_BATCH = 256


def net(name: str, signature: Signature, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return NETS[name].build(signature)


def prepared(data: TrainingData, split: Split) -> Tensor:
    """All images of a split as nets take them."""
    return torch.from_numpy(data.prepared(split.arrays)[PIXELS])


def compbench(model: nn.Module, data: TrainingData, recipe: Recipe, seed: int = 0) -> float:
    """The last epoch's accuracy on the validation split."""
    fit = Fit(data, seed, lambda epoch, total: None)
    fit(model, recipe)
    return fit.history[-1].validation


def plain(model: nn.Module, data: TrainingData, recipe: Recipe, seed: int = 0) -> float:
    """The same, by AdamW, one-cycle and clipped gradients as torch's documentation has them."""
    images, labels = prepared(data, data.train), torch.from_numpy(data.train.targets)
    seen = prepared(data, data.validation)
    steps = recipe.epochs * -(-len(labels) // recipe.batch_size)
    optimizer = torch.optim.AdamW(model.parameters(), recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=steps
    )
    random = torch.Generator().manual_seed(seed)
    correct = torch.zeros(0)
    for _ in range(recipe.epochs):
        model.train()
        for indices in torch.randperm(len(labels), generator=random).split(recipe.batch_size):
            moved = by_definition(images[indices], recipe.shift_pixels, random)
            loss = functional.cross_entropy(model(moved), labels[indices])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), recipe.gradient_norm)
            optimizer.step()
            schedule.step()
        model.eval()
        with torch.no_grad():
            logits = torch.cat([model(part) for part in seen.split(VALIDATION_BATCH)])
        correct = logits.argmax(1) == torch.from_numpy(data.validation.targets)
    return float(correct.double().mean())


Step = Callable[[Tensor], None]  # a batch of images -> nothing: its products are made and dropped


def limit(model: nn.Module, data: TrainingData, recipe: Recipe) -> Callable[[nn.Module], None]:
    """Some epochs of the products alone, in the layout that training uses."""
    has_convolutions = any(isinstance(layer, nn.Conv2d) for layer in model.modules())
    layout = torch.channels_last if has_convolutions else torch.contiguous_format
    model = model.to(memory_format=layout)  # pyright: ignore[reportCallIssue]
    images, seen = prepared(data, data.train), prepared(data, data.validation)
    batches, further = images.split(recipe.batch_size), seen.split(VALIDATION_BATCH)
    forward_and_back = {len(part): products(model, part, True) for part in batches}
    forward = {len(part): products(model, part, False) for part in further}

    @torch.no_grad()
    def epochs(model: nn.Module) -> None:
        for _ in range(recipe.epochs):
            for part in batches:
                forward_and_back[len(part)](part)
            for part in further:
                forward[len(part)](part)

    return epochs


def products(model: nn.Module, images: Tensor, back: bool) -> Step:
    """The products of one step for a batch of that size; gradients and activations are noise."""
    layers: list[tuple[nn.Conv2d | nn.Linear, Tensor, Tensor]] = []

    def keep(layer: nn.Module, given: tuple[Tensor, ...], result: Tensor) -> None:
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        layers.append((layer, given[0], torch.randn_like(result)))

    hooks = [
        layer.register_forward_hook(keep)
        for layer in model.modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    with torch.no_grad():
        model(images)
    for hook in hooks:
        hook.remove()
    first = layers[0][0]

    def step(batch: Tensor) -> None:
        for layer, given, _ in layers:
            if layer is first:
                given = batch.view(given.shape)
            layer(given)
        for layer, given, gradient in reversed(layers) if back else ():
            if layer is first:
                given = batch.view(given.shape)
            _backward(layer, given, gradient, by_input=layer is not first)

    return step


def _backward(layer: nn.Conv2d | nn.Linear, given: Tensor, gradient: Tensor, by_input: bool):
    if isinstance(layer, nn.Linear):
        gradient.t() @ given  # pyright: ignore[reportUnusedExpression]
        if by_input:
            gradient @ layer.weight  # pyright: ignore[reportUnusedExpression]
        return
    assert isinstance(layer.padding, tuple)
    torch.ops.aten.convolution_backward(
        gradient,
        given,
        layer.weight,
        None,
        layer.stride,
        layer.padding,
        layer.dilation,
        False,
        [0, 0],
        layer.groups,
        [by_input, True, False],
    )


def cpu_seconds(work: Callable[[], object]) -> float:
    started = process_time()
    work()
    return process_time() - started


def ratios(name: str, data: TrainingData, shift: int, turns: int) -> tuple[float, str]:
    """The share of the limit, its median over turns; and the plain loop's time in words."""
    recipe = Recipe(epochs=EPOCHS, shift_pixels=shift)
    arms: dict[str, Callable[[nn.Module], object]] = {
        "limit": limit(net(name, data.signature), data, recipe),
        "compbench": lambda model: compbench(model, data, recipe),
        "plain": lambda model: plain(model, data, recipe),
    }

    def turn() -> dict[str, float]:
        return {
            arm: cpu_seconds(partial(work, net(name, data.signature))) for arm, work in arms.items()
        }

    turn()
    taken = [turn() for _ in range(turns)]
    reached = median(t["limit"] / t["compbench"] for t in taken)
    faster = median(t["plain"] / t["compbench"] for t in taken)
    best = {arm: min(t[arm] for t in taken) for arm in arms}
    return reached, (
        f"  {best['limit'] / best['compbench']:.2f} of the minima, {faster:.2f}x as fast as the "
        f"plain loop, which is at {median(t['limit'] / t['plain'] for t in taken):.2f}; an epoch "
        + ", ".join(f"{arm} {1e3 * seconds / EPOCHS:.1f} ms" for arm, seconds in best.items())
    )


def accuracies(name: str, data: TrainingData, epochs: int, shift: int) -> str:
    """One line: both loops' accuracies over the seeds."""
    recipe = Recipe(epochs=epochs, shift_pixels=shift)
    found = {
        loop.__name__: [loop(net(name, data.signature, s), data, recipe, s) for s in SEEDS]
        for loop in (compbench, plain)
    }
    told = ", ".join(f"{arm} {mean(a):.2%} ± {stdev(a):.2%}" for arm, a in found.items())
    return f"{name}, shift {shift}, {epochs} epochs, {len(SEEDS)} seeds: {told}"


def loaded(dataset: str) -> TrainingData:
    """A dataset's training data, cut to what an epoch of the benchmark takes."""
    source = registry.find("dataset", dataset)()
    data = splits.load(source, Path(os.environ.get("COMPBENCH_DATA", "data"))).training
    cut = data.train.part(np.arange(min(IMAGES, len(data.train))))
    further = data.validation.part(np.arange(len(cut) // 10))
    return TrainingData(cut, further, data.task, data.signature)


def main() -> None:
    """Print a line for each net and augmentation, then their accuracies."""
    dataset, turns = (sys.argv[1:] + ["digits", "20"][len(sys.argv) - 1 :])[:2]
    torch.set_num_threads(1)
    data, bounds = loaded(dataset), Bounds()
    print(f"{dataset}: {len(data.train)} images, {turns} turns, one thread")
    for name in NETS:
        for shift in (0, 2):
            reached, told = ratios(name, data, shift, int(turns))
            what = f"{name}, shift {shift}, share of the limit's speed"
            bounds.at_least(what, reached, AT_LEAST[name])
            print(told, flush=True)
    for name, epochs in (("mlp", 40), ("cnn", 6)):
        print(accuracies(name, data, epochs, 2), flush=True)
    bounds.end()


if __name__ == "__main__":
    main()
