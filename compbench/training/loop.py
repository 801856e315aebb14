"""The only training loop. It is given a loss function, and knows nothing of techniques."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from compbench.contracts import Batch, Epoch, Recipe, Split, Trainer, TrainingData
from compbench.contracts.arguments import arguments
from compbench.errors import JobFailed
from compbench.training import allocator
from compbench.training.activation_order import pooled_first
from compbench.training.augment import Augmented
from compbench.training.layout import fastest, moved
from compbench.training.optimizer import Optimizer
from compbench.training.schedule import schedule
from compbench.training.stored import Preparation, Stored

if TYPE_CHECKING:
    from compbench.contracts import AfterStep, Loss

ASKED = 256  # samples of a pass without gradients: larger batches leave the caches


def _always_final(share_done: float) -> bool:
    return True


class Fit(Trainer):
    """Trains for one job: same data, seed and threads give the same weights, bit for bit.

    `history` holds every epoch trained so far; `chosen_epoch` is the best by the metric on the
    validation split, the earliest of equals, whose weights the model ends with.
    """

    def __init__(self, data: TrainingData, seed: int, on_epoch: Callable[[Epoch, int], None]):
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.data = data
        self.train, self.validation = (
            Stored(split, self.device) for split in (data.train, data.validation)
        )
        self._prepared = Preparation(data.signature, self.device)
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
        _give_shapes(model, self.example(model))
        model = moved(model, self.device, fastest(model))
        if recipe.epochs:
            with allocator.kept(), pooled_first(model):
                self._train(model, recipe, loss or self._task_loss, after_step or _always_final)
        self.seconds += time.perf_counter() - started
        return moved(model, torch.device("cpu"), torch.contiguous_format).eval()

    def _train(self, model: nn.Module, recipe: Recipe, loss: Loss, after_step: AfterStep) -> None:
        """All epochs; the model ends with the weights of the best one."""
        augmented = Augmented(self.train, self.data.signature, recipe.shift_pixels, fastest(model))
        steps = recipe.epochs * -(-len(self.data.train) // recipe.batch_size)
        optimizer = Optimizer(model, recipe)
        pace = enumerate(schedule(recipe, steps), start=1)
        shuffle = torch.Generator().manual_seed(self.seed)
        names = self.data.signature.taken_by(model)
        best, best_state = None, None
        total = len(self.history) + recipe.epochs
        is_final = True

        for _ in range(recipe.epochs):
            model.train()
            losses, sizes = [], []
            for batch in self._batches(augmented, recipe.batch_size, shuffle):
                done, (learning_rate, momentum) = next(pace)
                value = loss(model(*[batch.inputs[name] for name in names]), batch)
                optimizer.zero_grad()
                value.backward()
                optimizer.step(learning_rate, momentum)
                is_final = after_step(done / steps)
                losses.append(value.detach())
                sizes.append(len(batch.indices))
            each = torch.stack(losses) * torch.tensor(sizes, device=self.device)
            epoch = self._finish_epoch(model, float(each.sum()) / len(self.data.train))
            if is_final and self._is_better(epoch.validation, best):
                best = epoch.validation
                self.chosen_epoch = epoch.epoch
                best_state = {name: value.clone() for name, value in model.state_dict().items()}
            self.on_epoch(epoch, total)

        if best_state is not None:
            model.load_state_dict(best_state)

    def _is_better(self, value: float, best: float | None) -> bool:
        """A value that is no number is worse than every other."""
        if best is None or not isfinite(best):
            return best is None or isfinite(value)
        return self.data.task.headline.gain(value - best) > 0

    def _task_loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        return self.data.task.loss(outputs, batch.targets)

    def _batches(
        self, augmented: Augmented, size: int, shuffle: torch.Generator
    ) -> Iterator[Batch]:
        """An epoch's batches, in an order of their own."""
        order = torch.randperm(len(self.data.train), generator=shuffle)
        indices = order.to(self.device)
        targets = self.train.targets.index_select(0, indices)
        parts = indices.split(size)
        inputs = map(self._prepared, augmented.batches(parts, shuffle))
        yield from map(Batch, inputs, targets.split(size), parts)

    def outputs(self, model: nn.Module, samples: Split | Batch) -> Tensor:
        """What a model gives on this fit's device, in evaluation mode, without gradients."""
        if isinstance(samples, Batch):
            with torch.no_grad():
                return model.to(self.device).eval()(*self.arguments(model, samples))
        return torch.cat([*self._outputs(model, self._stored(samples))])

    def example(self, model: nn.Module, count: int = 2) -> tuple[Tensor, ...]:
        """The first training samples, prepared, on the CPU, as the arguments of a model."""
        return arguments(model, self.data, self.data.train.first(count))

    def arguments(self, model: nn.Module, batch: Batch) -> tuple[Tensor, ...]:
        """The inputs of a batch that a model takes, in the order of its parameters."""
        return tuple(batch.inputs[name] for name in self.data.signature.taken_by(model))

    def _stored(self, split: Split) -> Stored:
        known = {id(one.split): one for one in (self.train, self.validation)}
        return known.get(id(split)) or Stored(split, self.device)

    def _outputs(self, model: nn.Module, stored: Stored) -> Iterator[Tensor]:
        """Batch by batch."""
        model = model.to(self.device).eval()
        names = self.data.signature.taken_by(model)
        for raw in stored.batches(ASKED):
            inputs = self._prepared(raw)
            with torch.no_grad():
                yield model(*[inputs[name] for name in names])

    def note(self, text: str) -> None:
        """Keep what the technique says, once."""
        if text not in self.notes:
            self.notes.append(text)

    def _finish_epoch(self, model: nn.Module, train_loss: float) -> Epoch:
        number = len(self.history) + 1
        if not isfinite(train_loss):
            raise JobFailed(f"the loss is {train_loss} in epoch {number}: lower learning_rate")
        given = (part.cpu().numpy() for part in self._outputs(model, self.validation))
        scores, done = [], 0
        for outputs in given:
            targets = self.data.validation.targets[done : done + len(outputs)]
            scores.append(self.data.task.scores(outputs, targets))
            done += len(outputs)
        epoch = Epoch(number, train_loss, self.data.task.headline.value(np.concatenate(scores)))
        self.history.append(epoch)
        self.samples_seen += len(self.data.train)
        return epoch


def _give_shapes(model: nn.Module, example: tuple[Tensor, ...]) -> None:
    """Run a net with lazy layers once: they take their shapes from what they see."""
    if any(map(nn.parameter.is_lazy, (*model.parameters(), *model.buffers()))):
        with torch.no_grad():
            model.cpu().eval()(*example)
