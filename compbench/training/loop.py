"""The only training loop. It is given a loss function, and knows nothing of techniques."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from compbench.contracts import Batch, Epoch, Recipe, Split, Trainer, TrainingData
from compbench.errors import JobFailed
from compbench.training import allocator
from compbench.training.activation_order import pooled_first
from compbench.training.augment import Shifted
from compbench.training.layout import fastest, moved
from compbench.training.optimizer import Optimizer
from compbench.training.schedule import schedule

if TYPE_CHECKING:
    from compbench.contracts import AfterStep, Loss

ASKED = 256  # images of a pass without gradients: larger batches leave the caches


def cross_entropy(logits: Tensor, batch: Batch) -> Tensor:
    """The loss of plain training, a scalar: logits (B, K) against hard labels (B,)."""
    return functional.cross_entropy(logits, batch.labels)


def _always_final(share_done: float) -> bool:
    return True


class Fit(Trainer):
    """Trains for one job: same data, seed and threads give the same weights, bit for bit.

    `history` holds every epoch trained so far; `chosen_epoch` is the best by validation accuracy,
    the earliest of equals, whose weights the model ends with.
    """

    def __init__(self, data: TrainingData, seed: int, on_epoch: Callable[[Epoch, int], None]):
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.train, self.validation = (
            _on(self.device, split) for split in (data.train, data.validation)
        )
        self.seed = seed
        self.on_epoch = on_epoch
        self.history: list[Epoch] = []
        self.notes: list[str] = []
        self.chosen_epoch: int | None = None
        self.samples_seen = 0
        self.seconds = 0.0
        if self.device.type == "cuda":
            torch.backends.cudnn.deterministic = True
            torch.backends.cudnn.benchmark = False

    def __call__(
        self,
        model: nn.Module,
        recipe: Recipe,
        loss: Loss | None = None,
        after_step: AfterStep | None = None,
    ) -> nn.Module:
        """Train `model` in place; without epochs it is returned as it came."""
        started = time.perf_counter()
        _give_shapes(model, self.train.images[:2])
        model = moved(model, self.device, fastest(model))
        if recipe.epochs:
            with allocator.kept(), pooled_first(model):
                self._train(model, recipe, loss or cross_entropy, after_step or _always_final)
        self.seconds += time.perf_counter() - started
        return moved(model, torch.device("cpu"), torch.contiguous_format).eval()

    def _train(self, model: nn.Module, recipe: Recipe, loss: Loss, after_step: AfterStep) -> None:
        """All epochs; the model ends with the weights of the best one."""
        images = Shifted(self.train.images, recipe.shift_pixels, fastest(model))
        steps = recipe.epochs * -(-len(self.train.labels) // recipe.batch_size)
        optimizer = Optimizer(model, recipe)
        pace = enumerate(schedule(recipe, steps), start=1)
        shuffle = torch.Generator().manual_seed(self.seed)
        best_accuracy, best_state = -1.0, None
        total = len(self.history) + recipe.epochs
        is_final = True

        for _ in range(recipe.epochs):
            model.train()
            losses, sizes = [], []
            for batch in self._batches(images, recipe.batch_size, shuffle):
                done, (learning_rate, momentum) = next(pace)
                value = loss(model(batch.images), batch)
                optimizer.zero_grad()
                value.backward()
                optimizer.step(learning_rate, momentum)
                is_final = after_step(done / steps)
                losses.append(value.detach())
                sizes.append(len(batch.indices))
            each = torch.stack(losses) * torch.tensor(sizes, device=self.device)
            epoch = self._finish_epoch(model, float(each.sum()) / len(self.train.labels))
            if is_final and epoch.validation_accuracy > best_accuracy:
                best_accuracy = epoch.validation_accuracy
                self.chosen_epoch = epoch.epoch
                best_state = {name: value.clone() for name, value in model.state_dict().items()}
            self.on_epoch(epoch, total)

        if best_state is not None:
            model.load_state_dict(best_state)

    def _batches(self, images: Shifted, size: int, shuffle: torch.Generator) -> Iterator[Batch]:
        """An epoch's batches, in an order of their own."""
        order = torch.randperm(len(self.train.labels), generator=shuffle)
        indices = order.to(self.device)
        labels = self.train.labels.index_select(0, indices)
        parts = indices.split(size)
        yield from map(Batch, images.batches(parts, shuffle), labels.split(size), parts)

    def outputs(self, model: nn.Module, images: Tensor) -> Tensor:
        """Logits (N, K) on this fit's device, in evaluation mode, without gradients."""
        model = model.to(self.device).eval()
        with torch.no_grad():
            return torch.cat([model(part) for part in images.to(self.device).split(ASKED)])

    def note(self, text: str) -> None:
        """Keep what the technique says, once."""
        if text not in self.notes:
            self.notes.append(text)

    def _finish_epoch(self, model: nn.Module, train_loss: float) -> Epoch:
        number = len(self.history) + 1
        if not isfinite(train_loss):
            raise JobFailed(f"the loss is {train_loss} in epoch {number}: lower learning_rate")
        correct = self.outputs(model, self.validation.images).argmax(1) == self.validation.labels
        epoch = Epoch(number, train_loss, float(correct.double().mean()))
        self.history.append(epoch)
        self.samples_seen += len(self.train.labels)
        return epoch


@dataclass(frozen=True)
class _Tensors:
    images: Tensor
    labels: Tensor


def _on(device: torch.device, split: Split) -> _Tensors:
    return _Tensors(
        torch.from_numpy(split.images).to(device), torch.from_numpy(split.labels).to(device)
    )


def _give_shapes(model: nn.Module, images: Tensor) -> None:
    """Run a net with lazy layers once: they take their shapes from what they see."""
    if any(map(nn.parameter.is_lazy, (*model.parameters(), *model.buffers()))):
        with torch.no_grad():
            model.cpu().eval()(images.cpu())
